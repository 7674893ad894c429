using System.Runtime.InteropServices;
using Fleet.Collector;
using Fleet.Detector;
using Fleet.Exchange;
using Fleet.Executor;

namespace Fleet;

/// <summary>One program, four roles: a paper exchange and the three kinds of bots that trade on it. Settings come from the environment.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        using var stop = new CancellationTokenSource();
        void OnSignal(PosixSignalContext context)
        {
            context.Cancel = true;
            if (Environment.GetEnvironmentVariable("IGNORE_TERM") != "true")
            {
                stop.Cancel();
            }
        }

        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        try
        {
            Func<CancellationToken, Task>? role = arguments.FirstOrDefault() switch
            {
                "exchange" => new ExchangeRole(ExchangeOptions.FromEnvironment(), TimeProvider.System).RunAsync,
                "collector" => new CollectorRole(CollectorOptions.FromEnvironment(), TimeProvider.System).RunAsync,
                "detector" => new DetectorRole(DetectorOptions.FromEnvironment(), TimeProvider.System).RunAsync,
                "executor" => new ExecutorRole(ExecutorOptions.FromEnvironment(), TimeProvider.System).RunAsync,
                _ => null,
            };
            if (role is null)
            {
                await Console.Error.WriteLineAsync("usage: fleet exchange|collector|detector|executor");
                return 2;
            }

            await role(stop.Token);
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 0;
        }
        catch (SettingException e)
        {
            await Console.Error.WriteLineAsync($"fleet: {e.Message}");
            return 2;
        }
    }
}
