# For Prometheus and Grafana: alerts and a dashboard.
dist_pkgdata_DATA = etc/prometheus/preforkd.rules.yml etc/grafana/preforkd.json

# The example configuration; one that the operator has edited is never overwritten.
EXTRA_DIST += etc/preforkd.conf

install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(sysconfdir)/preforkd'
	test -e '$(DESTDIR)$(sysconfdir)/preforkd/preforkd.conf' || \
		$(INSTALL_DATA) '$(srcdir)/etc/preforkd.conf' \
			'$(DESTDIR)$(sysconfdir)/preforkd/preforkd.conf'

# Removed only as long as it is the one that was installed.
uninstall-local:
	if cmp -s '$(srcdir)/etc/preforkd.conf' \
		'$(DESTDIR)$(sysconfdir)/preforkd/preforkd.conf'; then \
		rm -f '$(DESTDIR)$(sysconfdir)/preforkd/preforkd.conf'; \
	fi

# Completion of preforkctl(8). The names are those that the shells look for.
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
dist_bashcompletion_DATA = etc/completions/bash/preforkctl
dist_zshcompletion_DATA = etc/completions/zsh/_preforkctl
