using System.CommandLine;
using Kaji.Bots.Sidecar;
using Kaji.Client;
using Kaji.Startup;
using Microsoft.Extensions.Logging;

namespace Kaji.Commands;

/// <summary><c>kaji warden</c> (hidden): the sidecar of a bot's Pod on clusters other than Kaji; put there by <c>kaji operator</c>.</summary>
internal static class WardenCommand
{
    private const string Account = "/var/run/secrets/kubernetes.io/serviceaccount";
    private static readonly Option<bool> Child = new("--child") { Hidden = true };

    public static Command Build()
    {
        var command = new Command("warden", "Guard the bot of this Pod.") { Child };
        command.Hidden = true;
        command.SetAction(async (parsed, cancel) => parsed.GetValue(Child) ? await WatchOverAsync() : new SidecarGuard().Run());
        return command;
    }

    private static async Task<int> WatchOverAsync()
    {
        var (ns, pod) = (Required("POD_NAMESPACE"), Required("POD_NAME"));
        var host = Required("KUBERNETES_SERVICE_HOST");
        var server = new Uri($"https://{(host.Contains(':') ? $"[{host}]" : host)}:{Required("KUBERNETES_SERVICE_PORT")}");
        using var logging = LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Information).AddProvider(new ServerLogging(LogLevel.Information, TimeProvider.System)));
        using var client = new ApiClient(Kubeconfig.Connect(await File.ReadAllTextAsync(Path.Combine(Account, "ca.crt")), null, () => File.ReadAllText(Path.Combine(Account, "token")).Trim()), server, "bot-warden/kaji");
        await new SidecarWarden(ns, pod, client, TimeProvider.System, logging).RunAsync();
        return ExitCodes.Ok;
    }

    private static string Required(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : throw new UserError($"{variable} is not set: `kaji warden` runs as a sidecar that `kaji operator` puts into bots' Pods.");
}
