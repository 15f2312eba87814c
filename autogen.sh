#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Make ./configure. Does nothing when it is newer than what it is made from.
set -eu

cd "$(dirname "$0")"
if ! command -v autoreconf > /dev/null; then
	echo "Debian package autoconf is missing: apt-get install autoconf" >&2
	exit 1
fi
if ! command -v libtoolize > /dev/null; then
	echo "Debian package libtool is missing: apt-get install libtool" >&2
	exit 1
fi
for made in configure Makefile.in config.h.in; do
	if [ ! -e $made ] || [ configure.ac -nt $made ] ||
	   [ Makefile.am -nt $made ]; then
		exec autoreconf --install
	fi
done
