using Kaji.Api.Kinds;

namespace Kaji.Api.Errors;

/// <summary>The refusals of a Kubernetes API server, with its reasons, codes and sentences (k8s.io/apimachinery/pkg/api/errors).</summary>
public static class ApiErrors
{
    public static ApiError NotFound(ResourceInfo resource, string name) =>
        new(404, "NotFound", $"{resource.GroupResource} \"{name}\" not found") { Name = name, Group = resource.Group, Kind = resource.Plural };

    public static ApiError NoSuchPath() => new(404, "NotFound", "the server could not find the requested resource");

    public static ApiError AlreadyExists(ResourceInfo resource, string name) =>
        new(409, "AlreadyExists", $"{resource.GroupResource} \"{name}\" already exists") { Name = name, Group = resource.Group, Kind = resource.Plural };

    public static ApiError Conflict(ResourceInfo resource, string name, string why = "the object has been modified; please apply your changes to the latest version and try again") =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {resource.GroupResource} \"{name}\": {why}") { Name = name, Group = resource.Group, Kind = resource.Plural };

    public static ApiError Invalid(string group, string kind, string name, IReadOnlyList<FieldError> causes)
    {
        var all = string.Join(", ", causes.Select(c => c.ToString()));
        return new(422, "Invalid", $"{(group.Length == 0 ? kind : $"{kind}.{group}")} \"{name}\" is invalid: {(causes.Count == 1 ? all : $"[{all}]")}") { Name = name, Group = group, Kind = kind, Causes = causes };
    }

    public static ApiError BadRequest(string message) => new(400, "BadRequest", message);

    public static ApiError Unauthorized(string message = "Unauthorized") => new(401, "Unauthorized", message);

    public static ApiError Forbidden(ResourceInfo resource, string name, string why) =>
        new(403, "Forbidden", $"{resource.GroupResource} \"{name}\" is forbidden: {why}") { Name = name, Group = resource.Group, Kind = resource.Plural };

    public static ApiError MethodNotAllowed(string message = "the server does not allow this method on the requested resource") => new(405, "MethodNotAllowed", message);

    public static ApiError NotAcceptable(string accepted) => new(406, "NotAcceptable", $"only the following media types are accepted: {accepted}");

    public static ApiError UnsupportedMediaType(string sent, string accepted) =>
        new(415, "UnsupportedMediaType", $"the body of the request was in an unknown format ({sent}) - accepted media types include: {accepted}");

    public static ApiError TooLarge(long limit) => new(413, "RequestEntityTooLarge", $"Request entity too large: limit is {limit}");

    public static ApiError Expired(string message) => new(410, "Expired", message);

    /// <param name="next">Token that reads on at the newest version.</param>
    public static ApiError ContinueExpired(string next) => Expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
        + "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.") with { Continue = next };

    public static ApiError TooManyRequests(int retryAfter, string message = "too many requests, please try again later") => new(429, "TooManyRequests", message) { RetryAfterSeconds = retryAfter };

    public static ApiError Timeout(string message, int retryAfter) => new(504, "Timeout", message) { RetryAfterSeconds = retryAfter };

    public static ApiError Unavailable(string message) => new(503, "ServiceUnavailable", message);

    public static ApiError Internal(string message) => new(500, "InternalError", $"Internal error occurred: {message}");
}
