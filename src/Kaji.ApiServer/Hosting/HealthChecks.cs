using System.Globalization;
using System.Text;
using Kaji.ApiServer.Responses;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Hosting;

/// <summary><c>/healthz</c>, <c>/livez</c> and <c>/readyz</c>, with <c>?verbose</c> and a check by name as in Kubernetes.</summary>
public sealed class HealthChecks
{
    private readonly Dictionary<string, Func<string?>> _ready = new(StringComparer.Ordinal) { ["ping"] = () => null };

    /// <summary>Adds a check of readiness: null is well, else what is wrong.</summary>
    public void AddReady(string name, Func<string?> check) => _ready[name] = check;

    internal bool Handles(string path) => path is "/healthz" or "/livez" or "/readyz" || path.StartsWith("/healthz/", StringComparison.Ordinal) || path.StartsWith("/readyz/", StringComparison.Ordinal) || path.StartsWith("/livez/", StringComparison.Ordinal);

    internal Task HandleAsync(HttpContext context, string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var checks = parts[0] == "readyz" ? _ready : new Dictionary<string, Func<string?>>(StringComparer.Ordinal) { ["ping"] = _ready["ping"] };
        if (parts.Length > 1)
        {
            if (!checks.TryGetValue(parts[1], out var one))
            {
                return context.WriteTextAsync(404, $"no check {parts[1]}\n");
            }

            return one() is { } wrong ? context.WriteTextAsync(500, $"internal server error: {wrong}\n") : context.WriteTextAsync(200, "ok");
        }

        var text = new StringBuilder();
        var well = true;
        var excluded = context.Request.Query["exclude"].SelectMany(e => (e ?? "").Split(',')).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, check) in checks)
        {
            if (excluded.Remove(name))
            {
                text.Append(CultureInfo.InvariantCulture, $"[+]{name} excluded: ok\n");
                continue;
            }

            var wrong = check();
            well &= wrong is null;
            text.Append(wrong is null ? $"[+]{name} ok\n" : $"[-]{name} failed: {wrong}\n");
        }

        foreach (var unknown in excluded.Where(e => e.Length > 0))
        {
            text.Append(CultureInfo.InvariantCulture, $"warn: some health checks cannot be excluded: no matches for \"{unknown}\"\n");
        }

        text.Append(well ? $"{parts[0]} check passed\n" : $"{parts[0]} check failed\n");
        return well && !context.Request.Query.ContainsKey("verbose") ? context.WriteTextAsync(200, "ok") : context.WriteTextAsync(well ? 200 : 500, text.ToString());
    }
}
