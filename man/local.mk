dist_man_MANS = man/preforkcat.1
