/** The program of a listener thread: started by `net/batch/threads.ts`, never imported. */
import { makeListenerHandler } from './listener-handler.ts'
import { runListenerThread } from '../net/batch/thread.ts'

runListenerThread(makeListenerHandler)
