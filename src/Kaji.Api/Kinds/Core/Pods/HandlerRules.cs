using System.Globalization;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>Validation of what asks or tells a container something: probes and lifecycle hooks.</summary>
internal static class HandlerRules
{
    private static readonly string[] ProbeHandlers = ["exec", "httpGet", "tcpSocket", "grpc"];
    private static readonly string[] HookHandlers = ["exec", "httpGet", "tcpSocket", "sleep"];

    public static void Probe(Fields probe, bool readiness)
    {
        Handler(probe, ProbeHandlers);
        probe.NonNegative("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold");
        if (readiness)
        {
            if (probe.Has("terminationGracePeriodSeconds"))
            {
                probe.Invalid("terminationGracePeriodSeconds", probe.Int("terminationGracePeriodSeconds"), "must not be set for readinessProbes");
            }

            return;
        }

        probe.Positive("terminationGracePeriodSeconds");
        if (probe.Int("successThreshold") is { } success and not 1)
        {
            probe.Invalid("successThreshold", success, "must be 1");
        }
    }

    public static void Lifecycle(Fields spec, Fields lifecycle)
    {
        foreach (var name in (ReadOnlySpan<string>)["postStart", "preStop"])
        {
            if (lifecycle.Sub(name) is not { } hook)
            {
                continue;
            }

            Handler(hook, HookHandlers);
            var grace = spec.Int("terminationGracePeriodSeconds") ?? 30;
            if (hook.Sub("sleep") is { } sleep && (sleep.Int("seconds") is not { } seconds || seconds < 0 || seconds > grace))
            {
                sleep.Invalid("seconds", sleep.Int("seconds") ?? 0, string.Create(CultureInfo.InvariantCulture, $"must be non-negative and less than terminationGracePeriodSeconds ({grace})"));
            }
        }

        if (lifecycle.Has("stopSignal") && spec.Of("os").Str("name").Length == 0)
        {
            lifecycle.Forbidden("stopSignal", "may not be set for containers with empty `spec.os.name`");
        }
    }

    private static void Handler(Fields handler, string[] kinds)
    {
        var found = false;
        foreach (var kind in kinds)
        {
            if (handler.Sub(kind) is not { } one)
            {
                continue;
            }

            if (found)
            {
                handler.Forbidden(kind, "may not specify more than 1 handler type");
                continue;
            }

            found = true;
            One(kind, one);
        }

        if (!found)
        {
            handler.Errors.Add(new FieldError("FieldValueRequired", handler.Path, "Required value: must specify a handler type"));
        }
    }

    private static void One(string kind, Fields handler)
    {
        switch (kind)
        {
            case "exec" when !handler.HasAny("command"):
                handler.Required("command");
                break;
            case "httpGet":
                handler.Present("path");
                handler.PortOrName("port");
                handler.RequiredOneOf("scheme", "HTTP", "HTTPS");
                foreach (var header in handler.Items("httpHeaders"))
                {
                    foreach (var problem in Names.HeaderNameErrors(header.Str("name")))
                    {
                        handler.Invalid("httpHeaders", header.Str("name"), problem);
                    }
                }

                break;
            case "tcpSocket":
                handler.PortOrName("port");
                break;
            case "grpc":
                handler.Port("port");
                break;
        }
    }
}
