/** The program of a thread that fetches one large zone or loads its copy: started by `transferred-zone.ts`. */
import { runJob } from '../../system/job-thread.ts'
import { loadCopy } from './copies.ts'
import { isPolicyJob, makePolicy } from './policy-job.ts'
import { isLoadJob, isTransferJob, runTransfer, shared } from './transfer-job.ts'

await runJob(async (job, onProgress) => {
  if (isPolicyJob(job)) {
    const done = makePolicy(job)
    const zones = done.zones.map(one => ({ ...one, zone: one.zone === null ? null : shared(one.zone) }))
    return { value: { ...done, zones }, arrays: [done.tables.qname.words, done.tables.nsdname.words] }
  }
  if (isLoadJob(job)) {
    const loaded = loadCopy(job.file, job.origin)
    const value = loaded === null || 'error' in loaded ? loaded : { ...loaded, zone: shared(loaded.zone) }
    return { value, arrays: [] }
  }
  if (!isTransferJob(job)) throw new Error('this is no thread that fetches zones')
  const done = await runTransfer(job, onProgress)
  const { end } = done
  return { value: end.kind === 'zone' ? { ...done, end: { ...end, zone: shared(end.zone) } } : done, arrays: [] }
})
