#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes ./configure; with a word after it, also does what comes next on a
# Debian machine: see usage below.
set -eu
cd "$(dirname "$0")"

# Debian 12 names. A package is named here once, in the list of what first needs it.
packages_build='gcc libc6-dev make autoconf automake pkg-config libev-dev
	libgnutls28-dev libcurl4-gnutls-dev libconfig-dev libjansson-dev libsystemd-dev libcap-ng-dev
	libseccomp-dev libssl-dev libsodium-dev nettle-dev liblua5.4-dev libdw-dev'
packages_demo='openssl curl perl'
packages_check='libcmocka-dev libio-socket-ssl-perl libnet-ssleay-perl nginx-light
	varnish gnutls-bin valgrind gdb strace procps iproute2 netcat-openbsd
	clang clang-14 libclang-rt-14-dev mandoc xz-utils s6 systemd nftables uacme pebble'
packages_bench='hitch haproxy nginx-light libnginx-mod-stream stunnel4
	gnutls-bin strace linux-perf binutils libio-socket-ssl-perl libnet-ssleay-perl iproute2 nftables'

usage() {
	cat <<'END'
usage: ./autogen.sh            make ./configure (needs autoconf and automake)
       ./autogen.sh demo       install what is missing, build, and run the demonstration
       ./autogen.sh check      install what is missing, build, and run the tests
       ./autogen.sh bench      install what is missing, build, and measure beside the peers
       ./autogen.sh packages   print the Debian packages for all of this
END
}

say() { printf 'autogen.sh: %s\n' "$*"; }

missing_of() {
	for package in "$@"; do
		dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null |
			grep -qx installed || printf '%s ' "$package"
	done
}

# Servers are wanted as programs only. While they are installed here,
# a policy that says no keeps their packages from starting servers; a policy
# that the machine has already is left alone.
apt_install() {
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		trap 'rm -f "$policy"' EXIT
		trap 'exit 1' HUP INT TERM
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get update
	apt-get install -y --no-install-recommends "$@"
	if [ -d /run/systemd/system ]; then
		for server in nginx-light:nginx varnish:varnish hitch:hitch haproxy:haproxy stunnel4:stunnel4; do
			case " $* " in *" ${server%%:*} "*)
				say "${server#*:} was not started; \`systemctl disable ${server#*:}\` keeps it from starting with the machine" ;;
			esac
		done
	fi
}

need() {
	if ! command -v dpkg-query >/dev/null; then
		say 'this is no Debian system: install what ./configure asks for by hand'
		return
	fi
	# shellcheck disable=SC2086,SC2046 # lists of words
	set -- $(missing_of "$@")
	[ $# -gt 0 ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		say 'these packages are missing; as root, run:'
		printf 'apt-get install --no-install-recommends %s\n' "$*"
		exit 1
	fi
	say "installing $*"
	# In a subshell, so that its trap ends with it.
	(apt_install "$@")
}

# What exists is kept: make itself runs autoconf and configure again when
# their sources have changed.
build() {
	[ -e configure ] || autoreconf -fi
	[ -e Makefile ] || ./configure -q
	make -j"$(nproc)"
}

# The demonstration is built without cmocka, and leaves a Makefile that knows
# no unit tests.
forget_without_cmocka() {
	if [ -e config.status ] && ! grep -qxF 'S["HAVE_CMOCKA_TRUE"]=""' config.status; then
		rm -f Makefile
	fi
}

case "${1-}" in
'')
	autoreconf -fi
	say 'now: ./configure && make' ;;
packages)
	# shellcheck disable=SC2086
	printf '%s\n' $packages_build $packages_demo $packages_check $packages_bench | sort -u ;;
demo)
	# shellcheck disable=SC2086
	need $packages_build $packages_demo
	build
	exec etc/demo/run ;;
check)
	# shellcheck disable=SC2086
	need $packages_build $packages_demo $packages_check
	forget_without_cmocka
	build
	exec make check ;;
bench)
	# shellcheck disable=SC2086
	need $packages_build $packages_demo $packages_bench
	build
	exec make bench ;;
-h|--help)
	usage ;;
*)
	usage >&2
	exit 2 ;;
esac
