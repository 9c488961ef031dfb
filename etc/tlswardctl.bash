# SPDX-License-Identifier: BSD-2-Clause
# Completion of tlswardctl for bash. Commands and options come from its own
# help, numbers of workers from the tlsward that runs; nothing here waits long.

_tlswardctl_ends="client_closed backend_closed acme_challenge client_left client_truncated client_reset client_timed_out
	client_alert not_tls tls_error refused no_certificate incomplete_chain hold_deadline keeper_down keeper_failed
	backend_unreachable backend_reset backend_timed_out hello_deadline handshake_deadline connect_deadline
	idle_deadline progress_deadline half_close_deadline linger_deadline closed_window_deadline
	lifetime_deadline drain_deadline limit_connections limit_holds limit_per_address limit_handshakes
	limit_spill spurious_wakeups no_memory operator stopped internal"
_tlswardctl_phases="hello hold handshake connect relay closing"
_tlswardctl_roles="keeper librarian advisor logger"
_tlswardctl_levels="debug info notice warning error"

# The commands, or with a command its options, one a line.
_tlswardctl_words() {
	"$1" help 2>/dev/null | awk -v command="$2" '
		/^  [a-z]/ { current = $1; if (command == "") print $1 }
		/^    --/ { if (current == command) print $1 }'
}

# Asks the tlsward that the command line means for a column of a table: the
# first one, below its title, of at most 200 lines.
_tlswardctl_column() {
	local program=$1 socket=$2
	shift 2
	timeout 2 "$program" ${socket:+-s "$socket"} "$@" 2>/dev/null | awk 'NR > 1 && NR < 202 && $1 ~ /^[0-9A-Za-z*]/ { print $1 }'
}

_tlswardctl() {
	local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command="" socket="" at words=""
	COMPREPLY=()
	for ((at = 1; at < COMP_CWORD; at++)); do
		case ${COMP_WORDS[at]} in
		-s | --socket) socket=${COMP_WORDS[++at]} ;;
		-*) ;;
		*) [[ -n $command ]] || command=${COMP_WORDS[at]} ;;
		esac
	done
	case $before in
	-s | --socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--phase) words=$_tlswardctl_phases ;;
	--end) words=$_tlswardctl_ends ;;
	--worker) words=$(_tlswardctl_column "$program" "$socket" workers) ;;
	--sni | --name) words=$(_tlswardctl_column "$program" "$socket" hosts) ;;
	--backend) words=$(_tlswardctl_column "$program" "$socket" backends) ;;
	--peer | --listener | --older | --limit | --interval | --expiring | --from | --alpn) return ;;
	*)
		if [[ -z $command ]]; then
			words="$(_tlswardctl_words "$program" "") --json --socket --version --help"
		elif [[ $current == -* ]]; then
			words="$(_tlswardctl_words "$program" "$command") --json"
		else
			case $command in
			worker | replace) words=$(_tlswardctl_column "$program" "$socket" workers) ;;
			descriptors | witness) words="$(_tlswardctl_column "$program" "$socket" workers) $_tlswardctl_roles" ;;
			incident) words="last $(_tlswardctl_column "$program" "$socket" incidents)" ;;
			drain) words="all $(_tlswardctl_column "$program" "$socket" workers)" ;;
			host | explain) words=$(_tlswardctl_column "$program" "$socket" hosts) ;;
			close) words=$(_tlswardctl_column "$program" "$socket" connections) ;;
			log-level) words=$_tlswardctl_levels ;;
			help) words=$(_tlswardctl_words "$program" "") ;;
			esac
		fi
		;;
	esac
	# Not by splitting the output: the name of a wildcard certificate must not become files.
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _tlswardctl tlswardctl
