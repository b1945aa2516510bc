/** Prints `N passed, N failed, N skipped`: the sums of the test runner's JSON reports. */
import { readFileSync } from 'node:fs'

interface Report {
  numPassedTests: number
  numFailedTests: number
  numFailedTestSuites: number
  numPendingTests: number
  numTodoTests: number
}

let [passed, failed, skipped] = [0, 0, 0]
for (const path of process.argv.slice(2)) {
  const report = JSON.parse(readFileSync(path, 'utf8')) as Report
  passed += report.numPassedTests
  // A file that cannot even be loaded has no failed test in it, and is a failure all the same.
  failed += report.numFailedTests + (report.numFailedTests === 0 ? report.numFailedTestSuites : 0)
  skipped += report.numPendingTests + report.numTodoTests
}
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
