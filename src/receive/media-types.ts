/** The media types of recorded attempts and outcomes. */

export const JSON_TYPE = 'application/json'
/** One JSON value, or one per line. */
export const RECORDING_TYPES: readonly string[] = [JSON_TYPE, 'application/x-ndjson', 'application/ndjson']
