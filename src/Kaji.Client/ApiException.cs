using k8s.Models;

namespace Kaji.Client;

/// <summary>The API server refused: carries its Status.</summary>
public sealed class ApiException(V1Status status) : Exception(status.Message ?? status.Reason ?? "request failed")
{
    /// <summary>What the server answered.</summary>
    public V1Status Status { get; } = status;

    public int Code => Status.Code ?? 0;

    public bool IsNotFound => Code == 404;

    public bool IsConflict => Status.Reason == "Conflict";

    public bool IsAlreadyExists => Status.Reason == "AlreadyExists";

    /// <summary>410: the resource version is compacted; list again.</summary>
    public bool IsGone => Code == 410;
}
