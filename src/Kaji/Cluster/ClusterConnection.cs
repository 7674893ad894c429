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
    public static ClusterConnection Open(ClusterPaths paths) => Open(paths.Kubeconfig, " `kaji up` writes it.");

    /// <summary>A client of the cluster that a kubeconfig names.</summary>
    /// <exception cref="UserError">The file can't be read.</exception>
    public static ClusterConnection Open(string kubeconfig, string hint = "")
    {
        try
        {
            var config = Kubeconfig.Load(kubeconfig);
            return new ClusterConnection(new ApiClient(config.Connect(), config.Server, "kaji"), config.Server);
        }
        catch (Exception e) when (e is IOException or FormatException or UnauthorizedAccessException)
        {
            throw new UserError($"{kubeconfig} can't be used: {e.Message.TrimEnd('.')}.{hint}");
        }
    }

    public void Dispose() => _client.Dispose();
}
