/**
 * What `node --import rootwalk/install` runs first: from then on `dns.install()` of the test kit reaches the copies of
 * functions of `node:dns` that modules take while they are loaded. Needs nothing but Node, and loads no other part.
 */
import { putRelays } from './node-dns/relay.ts'

putRelays()
