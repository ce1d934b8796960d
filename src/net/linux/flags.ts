/** Numbers of Linux for the calls of `libc.ts` (errno(3), recv(2)), the same on all architectures it is bound for. */

export const EINTR = 4
/** The kernel has nothing to give, or no room to take. */
export const EAGAIN = 11

/** The datagram was longer than the room for it. */
export const MSG_TRUNC = 0x20
export const MSG_DONTWAIT = 0x40
/** Waits for the first datagram only. */
export const MSG_WAITFORONE = 0x1_0000
