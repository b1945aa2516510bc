/** Links to the trace viewer of `--trace-url`, which the sidecar writes into the document. */

const template = document.querySelector<HTMLMetaElement>('meta[name="trace-url"]')?.content

/** The URL of a trace. Undefined if no viewer is set. */
export function traceHref(traceId: string): string | undefined {
  return template?.replaceAll('{trace_id}', encodeURIComponent(traceId))
}
