# Modules see <prefork/module.h> and nothing of src/.
pkglib_LTLIBRARIES += src/modules/echo.la
src_modules_echo_la_CPPFLAGS = -I$(top_srcdir)/include $(HARDENING_CPPFLAGS)
src_modules_echo_la_CFLAGS = $(WARNING_CFLAGS) $(HARDENING_CFLAGS) $(SANITIZER_FLAGS) \
	-fvisibility=hidden
src_modules_echo_la_LDFLAGS = -module -avoid-version -shared $(HARDENING_LDFLAGS)
src_modules_echo_la_SOURCES = src/modules/echo.c

# libtool's .la files are of no use to dlopen(3), but without them it does not know what to remove.
install-exec-hook:
	for module in $(pkglib_LTLIBRARIES); do \
		rm -f "$(DESTDIR)$(pkglibdir)/`basename $$module`"; \
	done

uninstall-hook:
	for module in $(pkglib_LTLIBRARIES); do \
		rm -f "$(DESTDIR)$(pkglibdir)/`basename $$module .la`.so"; \
	done
