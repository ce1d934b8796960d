/** The dashboard's start: the theme, the session of the address, the page. */
import { render } from 'preact'
import { App } from './app.tsx'
import { startKeys } from './keys.ts'
import { begin } from './state.ts'
import { startTheme } from './theme.ts'
import './style/base.css'
import './style/screens.css'

const place = document.getElementById('app')
if (place !== null) {
  startTheme()
  startKeys()
  render(<App />, place)
  void begin()
}
