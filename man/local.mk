dist_man_MANS = man/prefork-module.3 man/preforkbench.1 man/preforkcat.1 man/preforkd.conf.5 \
	man/preforkd-metrics.7 man/preforkctl.8
nodist_man_MANS = man/preforkd.8
EXTRA_DIST += man/preforkd.8.in
CLEANFILES += man/preforkd.8

man/preforkd.8: man/preforkd.8.in Makefile
	$(AM_V_GEN)$(MKDIR_P) man && sed -e 's|[@]sysconfdir[@]|$(sysconfdir)|g' \
		-e 's|[@]pkgdatadir[@]|$(pkgdatadir)|g' \
		-e 's|[@]pkglibdir[@]|$(pkglibdir)|g' $(srcdir)/man/preforkd.8.in > $@
