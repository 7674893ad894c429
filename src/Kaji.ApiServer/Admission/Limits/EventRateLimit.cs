using System.Globalization;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Requests;

namespace Kaji.ApiServer.Admission.Limits;

/// <summary>One bound on events: of the whole server, a namespace, a user, or a source and the object it speaks of.</summary>
/// <param name="Type">Server, Namespace, User or SourceAndObject.</param>
/// <param name="Qps">Events a second in the long run.</param>
/// <param name="Burst">Events at once.</param>
/// <param name="CacheSize">Keys remembered; the one that was used longest ago is forgotten first.</param>
public sealed record EventLimit(string Type, int Qps, int Burst, int CacheSize);

/// <summary>
/// EventRateLimit: keeps a controller gone wild from filling the store with events. Off unless a file given as <c>--admission-control-config-file</c> names it.
/// https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#eventratelimit
/// </summary>
public sealed class EventRateLimit(IReadOnlyList<EventLimit> limits, TimeProvider time) : IAdmissionPlugin
{
    private readonly Buckets[] _buckets = [.. limits.Select(l => new Buckets(l, time))];

    public string Name => "EventRateLimit";

    /// <summary>Reads an AdmissionConfiguration (apiserver.config.k8s.io/v1); EventRateLimit is the only step that has settings.</summary>
    /// <param name="read">Reads a file that the configuration names by path.</param>
    /// <returns>Empty when it does not name the step.</returns>
    /// <exception cref="FormatException">What is wrong, with the field.</exception>
    public static IReadOnlyList<EventLimit> Parse(string yaml, Func<string, string> read)
    {
        var configuration = Object(yaml);
        if (configuration.Str("kind") != "AdmissionConfiguration" || configuration.Str("apiVersion") != "apiserver.config.k8s.io/v1")
        {
            throw new FormatException($"apiVersion and kind must be apiserver.config.k8s.io/v1 and AdmissionConfiguration, not {configuration.Str("apiVersion")} and {configuration.Str("kind")}");
        }

        var found = new List<EventLimit>();
        foreach (var (plugin, i) in configuration.Items("plugins").Select((p, i) => (p, i)))
        {
            if (plugin.Str("name") != "EventRateLimit")
            {
                throw new FormatException($"plugins[{i}].name: \"{plugin.Str("name")}\" takes no settings here: only EventRateLimit does");
            }

            var settings = plugin.Obj("configuration") ?? Object(read(plugin.Str("path")));
            found.AddRange(settings.Items("limits").Select((l, j) => Limit(l, $"plugins[{i}].configuration.limits[{j}]")));
            if (found.Count == 0)
            {
                throw new FormatException($"plugins[{i}].configuration.limits: there must be at least one");
            }
        }

        return found;
    }

    public ValueTask<ApiError?> ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request.Resource.Plural != "events" || request.Subresource.Length > 0 || request.Operation is not ("CREATE" or "UPDATE") || request.DryRun || request.Object is not { } obj)
        {
            return ValueTask.FromResult<ApiError?>(null);
        }

        foreach (var buckets in _buckets)
        {
            if (!buckets.Take(request, obj, out var key))
            {
                return ValueTask.FromResult<ApiError?>(ApiErrors.TooManyRequests(1, $"limit reached on type {buckets.Type} for key {key}"));
            }
        }

        return ValueTask.FromResult<ApiError?>(null);
    }

    private static EventLimit Limit(JsonObject limit, string path)
    {
        var type = limit.Str("type");
        if (type is not ("Server" or "Namespace" or "User" or "SourceAndObject"))
        {
            throw new FormatException($"{path}.type: \"{type}\" is no type: there are Server, Namespace, User, SourceAndObject");
        }

        int Positive(string field, int fallback) => (limit.Int(field) ?? fallback) is > 0 and <= int.MaxValue and var value ? (int)value : throw new FormatException($"{path}.{field}: must be a positive number");
        return new EventLimit(type, Positive("qps", 0), Positive("burst", 0), Positive("cacheSize", 4096));
    }

    private static JsonObject Object(string yaml)
    {
        try
        {
            return YamlBody.Parse(yaml) as JsonObject ?? throw new FormatException("it is not an object");
        }
        catch (ApiErrorException e)
        {
            throw new FormatException(e.Message, e);
        }
    }

    /// <summary>A token bucket a key; the keys in the order of their last use.</summary>
    private sealed class Buckets(EventLimit limit, TimeProvider time)
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<string, LinkedListNode<Bucket>> _byKey = new(StringComparer.Ordinal);
        private readonly LinkedList<Bucket> _byUse = new();

        public string Type => limit.Type;

        public bool Take(AdmissionRequest request, JsonObject obj, out string key)
        {
            key = KeyOf(request, obj);
            var now = time.GetTimestamp();
            lock (_gate)
            {
                if (_byKey.TryGetValue(key, out var node))
                {
                    _byUse.Remove(node);
                }
                else
                {
                    if (_byKey.Count >= limit.CacheSize)
                    {
                        _byKey.Remove(_byUse.Last!.Value.Key);
                        _byUse.RemoveLast();
                    }

                    _byKey[key] = node = new LinkedListNode<Bucket>(new Bucket(key, limit.Burst, now));
                }

                _byUse.AddFirst(node);
                var bucket = node.Value;
                bucket.Tokens = Math.Min(limit.Burst, bucket.Tokens + (time.GetElapsedTime(bucket.At, now).TotalSeconds * limit.Qps));
                bucket.At = now;
                if (bucket.Tokens < 1)
                {
                    return false;
                }

                bucket.Tokens--;
                return true;
            }
        }

        private string KeyOf(AdmissionRequest request, JsonObject obj) => limit.Type switch
        {
            "Namespace" => request.Namespace,
            "User" => request.User.Name,
            "SourceAndObject" => string.Create(CultureInfo.InvariantCulture, $"{Source(obj)}_{string.Join('_', ((ReadOnlySpan<string>)["kind", "namespace", "name", "uid", "apiVersion"]).ToArray().Select(f => About(obj).Str(f)))}"),
            _ => "",
        };

        private static JsonObject? About(JsonObject obj) => obj.Obj("involvedObject") ?? obj.Obj("regarding");

        private static string Source(JsonObject obj) => obj.Obj("source") is { } source ? $"{source.Str("component")}{source.Str("host")}" : obj.Str("reportingController") + obj.Str("reportingInstance");

        private sealed class Bucket(string key, double tokens, long at)
        {
            public string Key { get; } = key;

            public double Tokens { get; set; } = tokens;

            public long At { get; set; } = at;
        }
    }
}
