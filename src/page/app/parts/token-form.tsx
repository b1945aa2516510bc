/** Asks for the bearer token of a sidecar that requires one. */
import { useId, useRef } from 'preact/hooks'
import { enterToken } from '../data/api.ts'

export function TokenForm({ problem }: { problem: string }) {
  const id = useId()
  const field = useRef<HTMLInputElement>(null)
  return (
    <main class="token">
      <h1>Token needed</h1>
      <p role="alert">The sidecar says: {problem}.</p>
      <form
        class="card"
        onSubmit={event => {
          event.preventDefault()
          const value = field.current!.value.trim()
          if (value !== '') enterToken(value)
        }}
      >
        <label for={id}>Bearer token with the scope “read”</label>
        <input id={id} ref={field} type="password" autocomplete="off" />
        <button type="submit" class="button primary">
          Show the page
        </button>
        <p class="detail">It stays in this tab until you close it.</p>
      </form>
    </main>
  )
}
