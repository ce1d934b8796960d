/** The program of a thread that works out a change of a large zone: started by `zone-worker.ts`, never imported. */
import { runJob } from '../../system/job-thread.ts'
import { isZoneTask, runTask } from './zone-work.ts'

await runJob(task => {
  if (!isZoneTask(task)) throw new Error('this is no thread that changes zones')
  const end = runTask(task)
  const flat = end.kind === 'worked' || end.kind === 'laid' ? end.zone : null
  return { value: end, arrays: flat === null ? [] : [flat.octets, flat.slots] }
})
