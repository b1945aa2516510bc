/** The live page: its document loads this module. */
import { render } from 'preact'
import { App } from './app.tsx'
import { clock } from './data/format.ts'
import { openLive } from './data/live.ts'

openLive()
// Tasks of their own, because together they were the longest task of every view: the evaluation of the modules, the first format of times
// (measured: 15 to 24 ms of CPU, later ones below 1 ms), and the first drawing.
setTimeout(() => {
  clock(Date.now())
  setTimeout(() => render(<App />, document.getElementById('page')!))
})
