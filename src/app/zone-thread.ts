/** The program of a thread that reads one large zone: started by `zone-store.ts`, never imported. */
import { runJob } from '../system/job-thread.ts'
import { isZoneJob, readForHandover } from './zone-reading.ts'

await runJob((job, onProgress) => {
  if (!isZoneJob(job)) throw new Error('this is no thread that reads zones')
  const read = readForHandover(job, onProgress)
  const flat = read === null ? null : read.flat
  return { value: read, arrays: flat === null ? [] : [flat.octets, flat.slots] }
})
