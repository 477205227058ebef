# The public interface: all that is installed.
preforkincludedir = $(includedir)/prefork
preforkinclude_HEADERS = include/prefork/module.h

pkgconfig_DATA = preforkd.pc
CLEANFILES += preforkd.pc
EXTRA_DIST += include/preforkd.pc.in

preforkd.pc: include/preforkd.pc.in Makefile
	$(AM_V_GEN)sed -e 's|[@]prefix[@]|$(prefix)|' -e 's|[@]includedir[@]|$(includedir)|' \
		-e 's|[@]pkglibdir[@]|$(pkglibdir)|' -e 's|[@]VERSION[@]|$(VERSION)|' \
		$(srcdir)/include/preforkd.pc.in > $@
