namespace Kaji.ApiServer.Authentication;

/// <summary>Who sends a request (authentication.k8s.io/v1 UserInfo).</summary>
/// <param name="Name">User name, as <c>system:node:a</c>.</param>
/// <param name="Groups">Groups, with <c>system:authenticated</c> or <c>system:unauthenticated</c> among them.</param>
public sealed record UserInfo(string Name, IReadOnlyList<string> Groups)
{
    /// <summary>Unique id, may be empty.</summary>
    public string Uid { get; init; } = "";

    /// <summary>Extra facts, as <c>authentication.kubernetes.io/pod-name</c>.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Extra { get; init; } = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);

    /// <summary>The user of a request without credentials.</summary>
    public static UserInfo Anonymous { get; } = new("system:anonymous", ["system:unauthenticated"]);

    /// <summary>The identity of the server's own bootstrap and loops that may do everything.</summary>
    public static UserInfo ApiServer { get; } = new("system:apiserver", ["system:masters", "system:authenticated"]);
}
