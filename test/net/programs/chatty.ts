/** Writes more than a pipe holds into standard output, which it has made one that does not wait. A test program. */
import { writeNow } from '../../../src/net/write-now.ts'

// Whoever asks for it gets a stream, and the pipe does not wait any more.
if (process.stdout.writable) for (let line = 0; line < 2_000; line++) writeNow(1, `${String(line).padStart(99, '.')}\n`, 1)
