// Sends attempts as log records and as spans until its input ends, and prints how many: Main PROTOCOL PREFIX.
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import java.time.Instant;
import java.util.concurrent.TimeUnit;

public class Main {
  public static void main(String[] args) throws Exception {
    var sdk = AutoConfiguredOpenTelemetrySdk.builder().disableShutdownHook().build().getOpenTelemetrySdk();
    var logger = sdk.getLogsBridge().get("kill");
    var tracer = sdk.getTracer("kill");
    var reading = new Thread(() -> {
      try {
        System.in.readAllBytes();
      } catch (java.io.IOException ended) {
        return;
      }
    });
    reading.setDaemon(true);
    reading.start();
    int n = 0;
    for (; reading.isAlive(); n++) {
      logger.logRecordBuilder().setEventName("agent.attempt").setTimestamp(Instant.now()).setSeverity(Severity.INFO)
          .setAttribute("agent_name", "log").setAttribute("model_name", "m").setAttribute("issue_type", "i")
          .setAttribute("success", true).setAttribute("time_seconds", 1.0)
          .setAttribute("attempt_id", args[1] + String.format("-log-%04d", n)).emit();
      var span = tracer.spanBuilder("invoke_agent span").startSpan();
      span.setAttribute("gen_ai.operation.name", "invoke_agent").setAttribute("gen_ai.agent.name", "span");
      span.setAttribute("gen_ai.request.model", "m").setAttribute("agent.attempt.id", args[1] + String.format("-span-%04d", n));
      span.end();
      Thread.sleep(200);
    }
    System.out.println(n);
    sdk.shutdown().join(60, TimeUnit.SECONDS);
  }
}
