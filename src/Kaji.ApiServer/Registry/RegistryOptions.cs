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

    /// <summary>The object comes out of server-side apply: its managedFields are right already.</summary>
    internal bool Applied { get; init; }
}
