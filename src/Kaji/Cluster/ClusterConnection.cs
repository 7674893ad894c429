using Kaji.Client;

namespace Kaji.Cluster;

/// <summary>A client of a running cluster with the admin's rights, for the commands of the command line.</summary>
internal sealed class ClusterConnection : IDisposable
{
    private readonly ApiClient _client;

    private ClusterConnection(ApiClient client, Uri server) => (_client, Server) = (client, server);

    public IApiClient Client => _client;

    public Uri Server { get; }

    /// <exception cref="UserError">There is no kubeconfig, or it is damaged.</exception>
    public static ClusterConnection Open(ClusterPaths paths)
    {
        try
        {
            var config = Kubeconfig.Load(paths.Kubeconfig);
            return new ClusterConnection(new ApiClient(config.Connect(), config.Server, "kaji"), config.Server);
        }
        catch (Exception e) when (e is IOException or FormatException or UnauthorizedAccessException)
        {
            throw new UserError($"{paths.Kubeconfig} can't be used: {e.Message}. `kaji stop` and `kaji up` write it again.");
        }
    }

    public void Dispose() => _client.Dispose();
}
