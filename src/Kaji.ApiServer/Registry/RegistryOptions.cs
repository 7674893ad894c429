using System.Text.Json.Nodes;

namespace Kaji.ApiServer.Registry;

/// <summary>How a write asks to be treated: its query parameters.</summary>
/// <param name="DryRun">All but storing is done.</param>
/// <param name="FieldValidation">Strict, Warn or Ignore.</param>
/// <param name="Warn">Takes warnings for the client.</param>
public sealed record WriteOptions(bool DryRun, string FieldValidation, Action<string>? Warn)
{
    /// <summary>Of the server's own parts.</summary>
    public static WriteOptions Internal { get; } = new(DryRun: false, "Ignore", null) { FieldManager = "kube-apiserver" };

    /// <summary>Who owns what the write changes.</summary>
    public string FieldManager { get; init; } = "";

    /// <summary>Takes what admission says to the audit log; null when nobody listens.</summary>
    public IDictionary<string, string>? AuditAnnotations { get; init; }

    /// <summary>Fields that the request's body names twice, as <c>duplicate field "spec.paused"</c>.</summary>
    public IReadOnlyList<string> Duplicates { get; init; } = [];

    /// <summary>What the options of this request are called: PatchOptions, say; null for the operation's own.</summary>
    public string? Kind { get; init; }

    /// <summary>The object comes out of server-side apply: its managedFields are right already.</summary>
    internal bool Applied { get; init; }

    /// <summary>As the options object of the API, which admission is shown.</summary>
    internal JsonObject ToJson(string kind)
    {
        var json = new JsonObject { ["kind"] = Kind ?? kind, ["apiVersion"] = "meta.k8s.io/v1" };
        if (DryRun)
        {
            json["dryRun"] = new JsonArray("All");
        }

        if (FieldManager.Length > 0)
        {
            json["fieldManager"] = FieldManager;
        }

        json["fieldValidation"] = FieldValidation;
        return json;
    }
}
