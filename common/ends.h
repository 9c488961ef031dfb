/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The phases of a connection and the reasons for which one ends: the same
 * words in ledger, log, control socket and manual page.
 */
#ifndef COMMON_ENDS_H
#define COMMON_ENDS_H

#define PHASES(X) \
	X(PHASE_NONE, "none") \
	X(PHASE_HELLO, "hello") \
	X(PHASE_HOLD, "hold") \
	X(PHASE_HANDSHAKE, "handshake") \
	X(PHASE_CONNECT, "connect") \
	X(PHASE_RELAY, "relay") \
	X(PHASE_CLOSING, "closing")

enum phase {
#define X(id, name) id,
	PHASES(X)
#undef X
	PHASE_COUNT
};

/* X(enum, name, one line of explanation) */
#define ENDS(X) \
	X(END_NONE, "none", "has not ended") \
	X(END_CLIENT_CLOSED, "client_closed", "the client said goodbye first, then the backend; the ordinary end") \
	X(END_BACKEND_CLOSED, "backend_closed", "the backend closed first, then the client; as ordinary") \
	X(END_ACME_CHALLENGE, "acme_challenge", "a CA has seen the answer to its tls-alpn-01 challenge") \
	X(END_CLIENT_LEFT, "client_left", "the client closed before the handshake was done, without an alert") \
	X(END_CLIENT_TRUNCATED, "client_truncated", "the client's FIN came without close_notify (see tls.truncation)") \
	X(END_CLIENT_RESET, "client_reset", "the client's TCP reset the connection") \
	X(END_CLIENT_TIMED_OUT, "client_timed_out", "the client's TCP answered no more (keep-alive or retransmission)") \
	X(END_CLIENT_ALERT, "client_alert", "the client sent a fatal alert") \
	X(END_NOT_TLS, "not_tls", "the first bytes are not a TLS ClientHello that could be answered") \
	X(END_TLS_ERROR, "tls_error", "the client's records or handshake messages break the protocol or cannot be agreed upon") \
	X(END_REFUSED, "refused", "the policy, or the TLS library, refused the name") \
	X(END_NO_CERTIFICATE, "no_certificate", "there is no certificate for the name, or none that the client accepts") \
	X(END_INCOMPLETE_CHAIN, "incomplete_chain", "a link of the certificate's chain is missing, and the policy refuses such") \
	X(END_HOLD_DEADLINE, "hold_deadline", "the certificate or chain that it was held for did not come in time") \
	X(END_KEEPER_DOWN, "keeper_down", "the keeper did not sign within its deadline") \
	X(END_KEEPER_FAILED, "keeper_failed", "the keeper answered that it cannot sign") \
	X(END_BACKEND_UNREACHABLE, "backend_unreachable", "no server of the backend accepted a connection") \
	X(END_BACKEND_RESET, "backend_reset", "the backend reset the connection") \
	X(END_BACKEND_TIMED_OUT, "backend_timed_out", "the backend's TCP answered no more (keep-alive or retransmission)") \
	X(END_HELLO_DEADLINE, "hello_deadline", "the ClientHello was not complete in time") \
	X(END_HANDSHAKE_DEADLINE, "handshake_deadline", "the handshake was not done in time") \
	X(END_CONNECT_DEADLINE, "connect_deadline", "no server of the backend answered in time") \
	X(END_IDLE_DEADLINE, "idle_deadline", "no byte either way for too long") \
	X(END_PROGRESS_DEADLINE, "progress_deadline", "a peer's TCP answered nothing while bytes waited for it") \
	X(END_HALF_CLOSE_DEADLINE, "half_close_deadline", "one side had said goodbye and the other sent nothing for too long") \
	X(END_LINGER_DEADLINE, "linger_deadline", "the peer's TCP did not acknowledge our last bytes") \
	X(END_CLOSED_WINDOW_DEADLINE, "closed_window_deadline", "a peer took none of the bytes that waited for it") \
	X(END_LIFETIME_DEADLINE, "lifetime_deadline", "it had lasted as long as a connection may") \
	X(END_DRAIN_DEADLINE, "drain_deadline", "the worker had to go and the connection had not ended") \
	X(END_LIMIT_CONNECTIONS, "limit_connections", "the worker had no place or no descriptor left for it") \
	X(END_LIMIT_HOLDS, "limit_holds", "more connections wait for certificates, or for this one, than the limits allow") \
	X(END_LIMIT_PER_ADDRESS, "limit_per_address", "refused at once: its address had as many connections as it may (limits.per_address)") \
	X(END_LIMIT_HANDSHAKES, "limit_handshakes", "refused at once: as many as may were before the end of their handshake (limits.handshakes)") \
	X(END_LIMIT_SPILL, "limit_spill", "more bytes waited for a peer than the limits allow") \
	X(END_SPURIOUS_WAKEUPS, "spurious_wakeups", "it woke the worker again and again and nothing moved") \
	X(END_NO_MEMORY, "no_memory", "memory ran out") \
	X(END_OPERATOR, "operator", "an operator ended it with tlswardctl close") \
	X(END_STOPPED, "stopped", "the worker was told to stop at once") \
	X(END_INTERNAL, "internal", "a mistake of ours; see the log")

enum end {
#define X(id, name, text) id,
	ENDS(X)
#undef X
	END_COUNT
};

const char *phase_name(enum phase p);
const char *end_name(enum end e);
const char *end_text(enum end e);

#endif
