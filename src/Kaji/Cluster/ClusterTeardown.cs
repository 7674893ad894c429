using Kaji.Linux.Nftables;
using Kaji.Network.Addresses;
using Kaji.Startup;
using Microsoft.Extensions.Logging;

namespace Kaji.Cluster;

/// <summary>Gives back to the machine what a cluster has of it: containers, mounts, cgroups, interfaces, nftables tables. Without a server; does nothing where nothing is left.</summary>
internal static class ClusterTeardown
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    public static async Task<int> RunAsync(ClusterPaths paths, CancellationToken cancel)
    {
        if (ClusterSettings.Load(paths.Settings) is { } settings)
        {
            using var logging = LoggerFactory.Create(b => b.AddProvider(new ServerLogging(LogLevel.Warning, TimeProvider.System)));
            await using var engines = Engines.Open(paths, settings, logging);
            await engines.Runtime.StartAsync(cancel);
            await engines.Runtime.TearDownAsync(Grace, cancel);
            using var nft = new NftablesContext();
            nft.Run($"add table ip {paths.ServiceTable}\ndelete table ip {paths.ServiceTable}\n");
            await engines.Network.TearDownAsync(cancel);
        }

        AddressPlan.Release(paths.Id);
        return ExitCodes.Ok;
    }
}
