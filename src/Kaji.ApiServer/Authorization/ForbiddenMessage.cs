using Kaji.Api;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Requests;

namespace Kaji.ApiServer.Authorization;

/// <summary>A 403 in Kubernetes' words.</summary>
public static class ForbiddenMessage
{
    public static ApiError Of(UserInfo user, RequestInfo info)
    {
        if (!info.IsResourceRequest)
        {
            return new ApiError(403, "Forbidden", $"forbidden: User \"{user.Name}\" cannot {info.Verb} path \"{info.Path}\"");
        }

        var resource = info.Subresource.Length > 0 ? $"{info.Resource}/{info.Subresource}" : info.Resource;
        var subject = info.Group.Length > 0 ? $"{info.Resource}.{info.Group}" : info.Resource;
        var named = info.Name.Length > 0 ? $"{subject} \"{info.Name}\"" : subject;
        var scope = info.Namespace.Length > 0 ? $"in the namespace \"{info.Namespace}\"" : "at the cluster scope";
        return new ApiError(403, "Forbidden", $"{named} is forbidden: User \"{user.Name}\" cannot {info.Verb} resource \"{resource}\" in API group \"{info.Group}\" {scope}")
        {
            Name = info.Name, Group = info.Group, Kind = info.Resource,
        };
    }
}
