/** The program of a listener thread: started by `net/udp-threads.ts`, never imported. */
import { makeListenerHandler } from './listener-handler.ts'
import { runListenerThread } from './net/udp-thread.ts'

runListenerThread(makeListenerHandler)
