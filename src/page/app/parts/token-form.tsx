/** Asks for the bearer token of a sidecar that requires one. */
import { useId, useState } from 'preact/hooks'
import { enterToken } from '../data/api.ts'

export function TokenForm({ problem }: { problem: string }) {
  const id = useId()
  const [value, setValue] = useState('')
  return (
    <main class="token">
      <h1>Token needed</h1>
      <p role="alert">The sidecar says: {problem}.</p>
      <form
        class="card"
        onSubmit={event => {
          event.preventDefault()
          if (value.trim() !== '') enterToken(value.trim())
        }}
      >
        <label for={id}>Bearer token with the scope “read”</label>
        <input
          id={id}
          type="password"
          autocomplete="off"
          value={value}
          onInput={event => setValue(event.currentTarget.value)}
        />
        <button type="submit" class="button primary">
          Show the page
        </button>
        <p class="detail">It stays in this tab until you close it.</p>
      </form>
    </main>
  )
}
