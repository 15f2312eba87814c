# SPDX-License-Identifier: BSD-2-Clause
# For Makefile.am: what is installed beside the programs and the manual, and
# is made of something else.

# An example, with the paths of the installation.

doc_DATA = etc/systemd-drop-in.conf

etc/systemd-drop-in.conf: etc/systemd-drop-in.conf.in Makefile
	$(AM_V_GEN)$(MKDIR_P) etc && $(SED) -e 's|[@]libdir[@]|$(libdir)|' \
		-e 's|[@]sysconfdir[@]|$(sysconfdir)|' \
		$(srcdir)/etc/systemd-drop-in.conf.in > $@

# Completion, of the table of commands.

bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
fishcompletiondir = $(datadir)/fish/vendor_completions.d
bashcompletion_DATA = completion/shunt
zshcompletion_DATA = completion/_shunt
fishcompletion_DATA = completion/shunt.fish
completions = $(bashcompletion_DATA) $(zshcompletion_DATA) \
	$(fishcompletion_DATA)
CLEANFILES += $(doc_DATA) $(completions)

words = $(top_srcdir)/contrib/completion
tables = $(top_srcdir)/src/cli/columns.def $(top_srcdir)/src/cli/commands.def
$(completions): $(words)/generate $(words)/bash.sh $(tables)
	$(AM_V_GEN)$(MKDIR_P) completion && case $@ in \
	*.fish) shell=fish ;; */_shunt) shell=zsh ;; *) shell=bash ;; esac && \
	$(AWK) -f $(words)/generate -v shell=$$shell \
		-v more=$(words)/bash.sh $(tables) > $@.tmp && mv $@.tmp $@

# EXTRA_DIST has whole folders, and what was built in those of the same name
# comes along.

dist-hook:
	cd "$(distdir)" && rm -rf $(EXTRA_PROGRAMS) $(noinst_PROGRAMS) \
		$(check_PROGRAMS)
	find "$(distdir)" -depth '(' -name '*.o' -o -name '*.l[ao]' -o \
		-name '*.log' -o -name '*.trs' -o -name .libs -o -name .deps \
		-o -name .dirstamp -o -name __pycache__ ')' -exec rm -rf {} +
