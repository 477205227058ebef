# Modules to read and to begin with; tests build them.
exampledir = $(docdir)/examples
dist_example_DATA = examples/session.c
