namespace Kaji.ApiServer.Requests;

/// <summary>What a request is about, read off its method and path (k8s.io/apiserver's RequestInfo).</summary>
public sealed record RequestInfo
{
    /// <summary>Whether the path names a resource; else only <see cref="Path"/> and <see cref="Verb"/> (the lower-cased method) mean something.</summary>
    public bool IsResourceRequest { get; init; }

    /// <summary>The path without query.</summary>
    public required string Path { get; init; }

    /// <summary>get, list, watch, create, update, patch, delete, deletecollection; connect-type subresources use create/get as kubectl does.</summary>
    public required string Verb { get; init; }

    /// <summary>API group, empty for core.</summary>
    public string Group { get; init; } = "";

    /// <summary>API version.</summary>
    public string Version { get; init; } = "";

    /// <summary>Namespace, empty for none. For <c>/namespaces/NAME</c> itself: NAME.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>Plural.</summary>
    public string Resource { get; init; } = "";

    /// <summary>Subresource, empty for none.</summary>
    public string Subresource { get; init; } = "";

    /// <summary>Name, empty for collections.</summary>
    public string Name { get; init; } = "";

    /// <summary>What follows the subresource (proxy paths).</summary>
    public string Rest { get; init; } = "";

    /// <summary>Whether it may go on for as long as its client likes: a watch, or a stream to a Pod or node.</summary>
    public bool IsLongRunning => Verb == "watch" || Subresource is "log" or "exec" or "attach" or "portforward" or "proxy";

    /// <summary>Whether it may change something.</summary>
    public bool IsMutating => Verb is "create" or "update" or "patch" or "delete" or "deletecollection" or "post" or "put";
}
