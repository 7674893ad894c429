using System.Globalization;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Patches;

/// <summary>JSON patch, RFC 6902, over RFC 6901 pointers. A test that fails or a path that is not there is 422, a malformed patch 400, as Kubernetes answers.</summary>
public static class JsonPatch
{
    private const int MaxOperations = 10_000;

    /// <exception cref="ApiErrorException">The patch can't be applied.</exception>
    public static JsonNode Apply(JsonNode document, JsonArray patch)
    {
        if (patch.Count > MaxOperations)
        {
            throw new ApiErrorException(new ApiError(413, "RequestEntityTooLarge", $"The allowed maximum operations in a JSON patch is {MaxOperations}, got {patch.Count}"));
        }

        JsonNode? root = document;
        foreach (var item in patch)
        {
            if (item is not JsonObject operation || operation["op"] is not JsonValue opValue || !opValue.TryGetValue<string>(out var op) || (operation["path"] as JsonValue)?.TryGetValue<string>(out var path) != true)
            {
                throw new ApiErrorException(ApiErrors.BadRequest("a JSON patch is a list of operations with op and path"));
            }

            switch (op)
            {
                case "add":
                    root = Add(root, path!, operation["value"]?.DeepClone());
                    break;
                case "remove":
                    Remove(ref root, path!);
                    break;
                case "replace":
                    Find(root, path!);
                    Remove(ref root, path!);
                    root = Add(root, path!, operation["value"]?.DeepClone());
                    break;
                case "move":
                    var moved = Find(root, From(operation))?.DeepClone();
                    Remove(ref root, From(operation));
                    root = Add(root, path!, moved);
                    break;
                case "copy":
                    root = Add(root, path!, Find(root, From(operation))?.DeepClone());
                    break;
                case "test":
                    if (!JsonNode.DeepEquals(Find(root, path!), operation["value"]))
                    {
                        throw Failed($"testing path {path} failed");
                    }

                    break;
                default:
                    throw new ApiErrorException(ApiErrors.BadRequest($"Unexpected kind: {op}"));
            }
        }

        return root ?? throw Failed("the patch removes the whole document");
    }

    private static string From(JsonObject operation) =>
        (operation["from"] as JsonValue)?.TryGetValue<string>(out var from) == true ? from! : throw new ApiErrorException(ApiErrors.BadRequest("move and copy need from"));

    private static JsonNode? Add(JsonNode? root, string path, JsonNode? value)
    {
        if (path.Length == 0)
        {
            return value;
        }

        var (parent, last) = Parent(root, path);
        switch (parent)
        {
            case JsonObject obj:
                obj[last] = value;
                break;
            case JsonArray array when last == "-":
                array.Add(value);
                break;
            case JsonArray array when Index(last, array.Count + 1) is { } at:
                array.Insert(at, value);
                break;
            default:
                throw Missing("add", path);
        }

        return root;
    }

    private static void Remove(ref JsonNode? root, string path)
    {
        if (path.Length == 0)
        {
            root = null;
            return;
        }

        var (parent, last) = Parent(root, path);
        switch (parent)
        {
            case JsonObject obj when obj.Remove(last):
                return;
            case JsonArray array when Index(last, array.Count) is { } at:
                array.RemoveAt(at);
                return;
            default:
                throw Missing("remove", path);
        }
    }

    private static JsonNode? Find(JsonNode? root, string path)
    {
        if (path.Length == 0)
        {
            return root;
        }

        var (parent, last) = Parent(root, path);
        return parent switch
        {
            JsonObject obj when obj.ContainsKey(last) => obj[last],
            JsonArray array when Index(last, array.Count) is { } at => array[at],
            _ => throw Missing("find", path),
        };
    }

    private static (JsonNode? Parent, string Last) Parent(JsonNode? root, string path)
    {
        if (path[0] != '/')
        {
            throw new ApiErrorException(ApiErrors.BadRequest($"JSON pointer {path} does not start with /"));
        }

        var parts = path[1..].Split('/');
        var at = root;
        for (var i = 0; i < parts.Length - 1; i++)
        {
            at = at switch
            {
                JsonObject obj => obj[Unescape(parts[i])],
                JsonArray array when Index(parts[i], array.Count) is { } index => array[index],
                _ => throw Missing("find", path),
            };
        }

        return (at, Unescape(parts[^1]));
    }

    private static string Unescape(string part) => part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);

    private static int? Index(string text, int count) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var at) && at < count ? at : null;

    private static ApiErrorException Missing(string operation, string path) => Failed($"{operation} operation does not apply: doc is missing path: {path}: missing value");

    private static ApiErrorException Failed(string message) => new(new ApiError(422, "Invalid", $"the server rejected our request due to an error in our request: {message}"));
}
