# For Prometheus and Grafana: alerts and a dashboard.
dist_pkgdata_DATA = etc/prometheus/preforkd.rules.yml etc/grafana/preforkd.json

# The example configuration and that of logrotate; what the operator has edited is never overwritten.
EXTRA_DIST += etc/preforkd.conf etc/logrotate.d/preforkd

install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(sysconfdir)/preforkd'
	test -e '$(DESTDIR)$(sysconfdir)/preforkd/preforkd.conf' || \
		$(INSTALL_DATA) '$(srcdir)/etc/preforkd.conf' \
			'$(DESTDIR)$(sysconfdir)/preforkd/preforkd.conf'
	test -z '$(logrotatedir)' || $(MKDIR_P) '$(DESTDIR)$(logrotatedir)'
	test -z '$(logrotatedir)' || test -e '$(DESTDIR)$(logrotatedir)/preforkd' || \
		$(INSTALL_DATA) '$(srcdir)/etc/logrotate.d/preforkd' \
			'$(DESTDIR)$(logrotatedir)/preforkd'

# Removed only as long as it is what was installed.
uninstall-local:
	if cmp -s '$(srcdir)/etc/preforkd.conf' \
		'$(DESTDIR)$(sysconfdir)/preforkd/preforkd.conf'; then \
		rm -f '$(DESTDIR)$(sysconfdir)/preforkd/preforkd.conf'; \
	fi
	if test -n '$(logrotatedir)' && cmp -s '$(srcdir)/etc/logrotate.d/preforkd' \
		'$(DESTDIR)$(logrotatedir)/preforkd'; then \
		rm -f '$(DESTDIR)$(logrotatedir)/preforkd'; \
	fi

nodist_systemdsystemunit_DATA = etc/systemd/preforkd.service
dist_systemdsystemunit_DATA = etc/systemd/preforkd.socket
dist_sysusers_DATA = etc/sysusers.d/preforkd.conf
dist_tmpfiles_DATA = etc/tmpfiles.d/preforkd.conf
EXTRA_DIST += etc/systemd/preforkd.service.in
CLEANFILES += etc/systemd/preforkd.service

etc/systemd/preforkd.service: etc/systemd/preforkd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) etc/systemd && sed -e 's|[@]sbindir[@]|$(sbindir)|g' \
		-e 's|[@]sysconfdir[@]|$(sysconfdir)|g' \
		$(srcdir)/etc/systemd/preforkd.service.in > $@

# Completion of preforkctl(8). The names are those that the shells look for.
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
dist_bashcompletion_DATA = etc/completions/bash/preforkctl
dist_zshcompletion_DATA = etc/completions/zsh/_preforkctl
