# PF_LIBRARY(VARIABLE, PKG-CONFIG SPECIFICATION, DEBIAN PACKAGE)
AC_DEFUN([PF_LIBRARY], [
  PKG_CHECK_MODULES([$1], [$2], [],
    [AC_MSG_ERROR([$2 was not found by pkg-config. On Debian: apt-get install $3])])
])

# PF_DIRECTORY(VARIABLE, WHAT, DEFAULT): where to install WHAT; --without-VARIABLE does not. pkg-config
# may know better for systemd, but nothing is ever put outside of the prefix unasked.
AC_DEFUN([PF_DIRECTORY], [
  AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1=DIR], [where to install $2])], [], [with_$1=yes])
  AS_CASE([$with_$1],
    [no], [$1=],
    [yes], [
      $1=$($PKG_CONFIG --define-variable=prefix='${prefix}' \
        --define-variable=rootprefix='${prefix}' --variable=$1 systemd 2>/dev/null)
      AS_IF([test -z "$$1"], [$1='$3'])],
    [$1=$with_$1])
  AC_SUBST([$1])
])

# PF_ADD_FLAG(VARIABLE, FLAG): adds FLAG if compiler and linker take it.
AC_DEFUN([PF_ADD_FLAG], [
  AC_MSG_CHECKING([whether $CC takes $2])
  pf_saved="$CFLAGS"
  CFLAGS="-Werror $CFLAGS $2"
  AC_LINK_IFELSE([AC_LANG_PROGRAM()],
    [AC_MSG_RESULT([yes]); $1="$$1 $2"], [AC_MSG_RESULT([no])])
  CFLAGS="$pf_saved"
])

# PF_WARNINGS: AM_CFLAGS never touch the user's CFLAGS.
AC_DEFUN([PF_WARNINGS], [
  WARNING_CFLAGS=
  m4_foreach_w([pf_flag],
    [-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wformat=2
     -Wpointer-arith -Wundef],
    [PF_ADD_FLAG([WARNING_CFLAGS], pf_flag)])
  AS_IF([test "$enable_werror" = yes], [WARNING_CFLAGS="$WARNING_CFLAGS -Werror"])
  AC_SUBST([WARNING_CFLAGS])
])

AC_DEFUN([PF_SANITIZERS], [
  SANITIZER_FLAGS=
  AS_IF([test "$enable_sanitizers" = yes], [enable_sanitizers=address,undefined])
  AS_IF([test "$enable_sanitizers" != no], [
    SANITIZER_FLAGS="-fsanitize=$enable_sanitizers -fno-sanitize-recover=all -fno-omit-frame-pointer"
    AC_MSG_CHECKING([whether -fsanitize=$enable_sanitizers links])
    pf_saved="$CFLAGS"
    CFLAGS="$CFLAGS $SANITIZER_FLAGS"
    AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes])],
      [AC_MSG_RESULT([no])
       AC_MSG_ERROR([$CC cannot link with -fsanitize=$enable_sanitizers])])
    CFLAGS="$pf_saved"
  ])
  AC_SUBST([SANITIZER_FLAGS])
])

# PF_HARDENING: what distributions switch on, checked one by one.
AC_DEFUN([PF_HARDENING], [
  HARDENING_CFLAGS= HARDENING_CPPFLAGS= HARDENING_LDFLAGS= PIE_CFLAGS= PIE_LDFLAGS=
  hardening_summary="$enable_hardening"
  AS_IF([test "$enable_hardening" = yes], [
    PF_ADD_FLAG([HARDENING_CFLAGS], [-fstack-protector-strong])
    PF_ADD_FLAG([HARDENING_CFLAGS], [-fstack-clash-protection])
    PF_ADD_FLAG([HARDENING_CFLAGS], [-fcf-protection=full])
    pf_before="$HARDENING_CFLAGS"
    PF_ADD_FLAG([HARDENING_CFLAGS], [-ftrivial-auto-var-init=zero])
    AS_IF([test "$pf_before" = "$HARDENING_CFLAGS"],
      [PF_ADD_FLAG([HARDENING_CFLAGS], [-ftrivial-auto-var-init=zero -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang])])
    PF_ADD_FLAG([HARDENING_LDFLAGS], [-Wl,-z,relro,-z,now])
    PF_ADD_FLAG([HARDENING_LDFLAGS], [-Wl,-z,noexecstack])
    PF_ADD_FLAG([PIE_CFLAGS], [-fPIE])
    PF_ADD_FLAG([PIE_LDFLAGS], [-pie])
    # Fortified functions need an optimiser, and the sanitizers bring their own.
    AS_IF([test "$enable_sanitizers" = no], [
      AC_COMPILE_IFELSE([AC_LANG_SOURCE([
        #ifndef __OPTIMIZE__
        #error not optimised
        #endif
      ])], [HARDENING_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3"])
    ])
    hardening_summary="$HARDENING_CPPFLAGS$HARDENING_CFLAGS$PIE_CFLAGS$HARDENING_LDFLAGS$PIE_LDFLAGS"
  ])
  AC_SUBST([HARDENING_CFLAGS])
  AC_SUBST([HARDENING_CPPFLAGS])
  AC_SUBST([HARDENING_LDFLAGS])
  AC_SUBST([PIE_CFLAGS])
  AC_SUBST([PIE_LDFLAGS])
])
