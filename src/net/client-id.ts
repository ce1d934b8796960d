/**
 * What a client may call itself, in the path of its requests or in a name that it asks TLS for. It says who the client
 * says it is, and proves nothing.
 */

/** A label as host names have them (RFC 1123 section 2.1, RFC 5890 section 2.3.1), which is safe in logs and paths. */
const CLIENT_ID = /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i

/** `Laptop` in lower case; null for what is no label. */
export const clientIdIn = (text: string): string | null => (CLIENT_ID.test(text) ? text.toLowerCase() : null)
