/** The program of a thread that reads lists: started by `list-store.ts`, never imported. */
import { runJob } from '../../system/job-thread.ts'
import { isListJob, readListsAtOnce } from './reading.ts'

/** Steps between two reports: each wakes the main thread. */
const STEPS_PER_REPORT = 64

runJob((job, onProgress) => {
  if (!isListJob(job)) throw new Error('this is no thread that reads lists')
  let steps = 0
  const value = readListsAtOnce(job, progress => {
    if (steps++ % STEPS_PER_REPORT === 0) onProgress(progress)
  })
  // Tables are in shared memory: nothing is copied.
  return { value, arrays: [] }
})
