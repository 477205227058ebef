# Unit tests, checks of the sources, and tests of real processes, in one count: see tests/run.
if HAVE_CMOCKA
unit_tests = tests/unit/test-wire tests/unit/test-log
endif

unit_cppflags = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
unit_ldadd = src/libwire.a src/libbase.a $(CMOCKA_LIBS) $(LIBBSD_LIBS)

check_PROGRAMS += $(unit_tests)

tests_unit_test_wire_SOURCES = tests/unit/test-wire.c
tests_unit_test_wire_CPPFLAGS = $(unit_cppflags)
tests_unit_test_wire_LDADD = $(unit_ldadd)

tests_unit_test_log_SOURCES = tests/unit/test-log.c
tests_unit_test_log_CPPFLAGS = $(unit_cppflags)
tests_unit_test_log_LDADD = $(unit_ldadd)

check-local: $(check_PROGRAMS) all
	@BATS='$(BATS)' MANDOC='$(MANDOC)' PYTHON='$(PYTHON)' PREFORK_CC='$(CC)' \
		PREFORK_SANITIZERS='$(SANITIZER_FLAGS)' \
		sh '$(srcdir)/tests/run' '$(abs_srcdir)' '$(abs_builddir)' $(TESTS_ONLY)
