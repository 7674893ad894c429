using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.Aggregation;

/// <summary>What an APIService says: who answers a group version. https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/</summary>
internal sealed record ApiService(string Name, string Group, string Version)
{
    public static readonly ResourceInfo Resource = BuiltInResources.Find("apiregistration.k8s.io", "v1", "apiservices")!;

    /// <summary>Namespace of the Service; empty when this server answers itself.</summary>
    public string Namespace { get; init; } = "";

    public string Service { get; init; } = "";

    public long Port { get; init; } = 443;

    /// <summary>Base64 of the roots that sign the backend's certificate; empty for the machine's.</summary>
    public string CaBundle { get; init; } = "";

    public bool SkipsVerification { get; init; }

    public long VersionPriority { get; init; }

    /// <summary>Whether the condition Available holds.</summary>
    public bool IsAvailable { get; init; }

    public bool IsLocal => Service.Length == 0;

    /// <summary>The name its certificate is for.</summary>
    public string Host => $"{Service}.{Namespace}.svc";

    public static ApiService Of(JsonObject obj)
    {
        var spec = obj.Obj("spec");
        var service = spec.Obj("service");
        return new ApiService(obj.Obj("metadata").Str("name"), spec.Str("group"), spec.Str("version"))
        {
            Namespace = service.Str("namespace"), Service = service.Str("name"), Port = service.Int("port") ?? 443, CaBundle = spec.Str("caBundle"), SkipsVerification = spec.Bool("insecureSkipTLSVerify") == true,
            VersionPriority = spec.Int("versionPriority") ?? 0, IsAvailable = obj.Obj("status").Items("conditions").Any(c => c.Str("type") == "Available" && c.Str("status") == "True"),
        };
    }
}
