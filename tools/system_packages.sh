#!/bin/sh
# Installs the Debian packages that the tests need beside Python: with apt-get where this is root, else names them.
# What SHAREDBOOK_TEST_WITHOUT leaves out is not asked for.
set -eu
missing=

want() { # NEED FILE-OR-COMMAND PACKAGE...
    need=$1 wanted=$2
    shift 2
    case ",${SHAREDBOOK_TEST_WITHOUT:-}," in *",$need,"*) return ;; esac
    command -v "$wanted" >/dev/null || [ -e "$wanted" ] || missing="$missing $*"
}

want_on_request() { # as want, where SHAREDBOOK_TEST_WITH names the need
    case ",${SHAREDBOOK_TEST_WITH:-}," in *",$1,"*) want "$@" ;; esac
}

PATH="$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' :)"
want postgres initdb postgresql
want ldap-utils ldapsearch ldap-utils
want curl curl curl
want node node nodejs
want node npm npm
want slapd /usr/sbin/slapd slapd
want python-ldap /usr/lib/python3/dist-packages/ldap python3-ldap
want net-ldap /usr/share/perl5/Net/LDAP libnet-ldap-perl
want net-ldap /usr/share/perl5/IO/Socket/SSL libio-socket-ssl-perl
want php-ldap php php-cli
want php-ldap "$(echo /usr/lib/php/*/ldap.so)" php-ldap
want shells zsh zsh
want shells fish fish
want shells tmux tmux
want dovecot /usr/lib/dovecot/imap-login dovecot-imapd
want tesseract tesseract tesseract-ocr
want nginx /usr/sbin/nginx nginx-light
want systemd systemd-analyze systemd
want cadaver cadaver cadaver
want thunderbird thunderbird thunderbird
want thunderbird Xvfb xvfb
want_on_request evolution /usr/libexec/evolution-addressbook-factory evolution-data-server
want_on_request evolution /usr/share/doc/gir1.2-ebook-1.2 gir1.2-ebook-1.2
want_on_request evolution /usr/lib/python3/dist-packages/gi python3-gi
want_on_request evolution dbus-run-session dbus-daemon
want_on_request roundcube /usr/share/roundcube roundcube-core
want_on_request roundcube /usr/share/roundcube roundcube-sqlite3
want_on_request roundcube /usr/share/php/Net/LDAP3.php php-net-ldap3
want_on_request kdav /usr/include/KF5/KDAV libkf5dav-dev
want_on_request kdav /usr/include/KF5/KCoreAddons libkf5coreaddons-dev
want_on_request kdav g++ g++
want_on_request kdav pkg-config pkg-config
"${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "sharedbook: the tests need packages that are missing here; run as root: apt install$missing" \
        "(or leave tests out by SHAREDBOOK_TEST_WITHOUT, see CONTRIBUTING.md)." >&2
    exit 1
fi
echo "Installing system packages:$missing"
export DEBIAN_FRONTEND=noninteractive
# the tests start a slapd of their own: the package's is not to run on the machine
case "$missing" in *" slapd"*) echo "slapd slapd/no_configuration boolean true" | debconf-set-selections ;; esac
patient="-o Acquire::Retries=5 -o DPkg::Lock::Timeout=300"
# shellcheck disable=SC2086  # two options, and a list of names
apt-get update -qq $patient </dev/null &&
    apt-get install -qq $patient --no-install-recommends $missing </dev/null >/dev/null || {
    echo "sharedbook: apt-get could not install$missing; the lines above say why." >&2
    exit 1
}
