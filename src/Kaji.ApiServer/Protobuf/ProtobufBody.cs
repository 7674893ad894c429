using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Protobuf;

/// <summary>
/// Request bodies in Kubernetes' protobuf form, which typed clients send (<c>kubectl create</c>), as JSON. Answers are always JSON: clients take both.
/// https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
/// </summary>
/// <example>
/// <code>
/// 6b 38 73 00 | Unknown { 1: TypeMeta { 1: "v1" 2: "Namespace" } 2: raw }      raw: Namespace { 1: ObjectMeta { 1: "a" } }
/// </code>
/// Go writes fields that are not pointers even when they are empty: empty strings and zeros count as not given, but where zero means something.
/// </example>
internal static class ProtobufBody
{
    public const string MediaType = "application/vnd.kubernetes.protobuf";
    private const int MaxDepth = 64;
    private static readonly byte[] Magic = "k8s\0"u8.ToArray();

    /// <summary>Numbers for which zero is a wish.</summary>
    private static readonly HashSet<string> ZeroCounts = new(
        ["replicas", "gracePeriodSeconds", "terminationGracePeriodSeconds", "partition", "value", "backoffLimit", "completions", "parallelism", "ttlSecondsAfterFinished", "defaultMode", "mode", "tolerationSeconds", "revisionHistoryLimit"], StringComparer.Ordinal);

    /// <exception cref="ApiErrorException">400: damaged, or of a kind that has no protobuf form here.</exception>
    public static JsonObject Parse(ReadOnlySpan<byte> body)
    {
        if (!body.StartsWith(Magic))
        {
            throw Bad("the body does not begin with the protobuf marker of Kubernetes");
        }

        try
        {
            var (apiVersion, kind) = ("", "");
            ReadOnlySpan<byte> raw = [];
            var unknown = new WireReader(body[Magic.Length..]);
            while (unknown.Next())
            {
                switch (unknown.Number)
                {
                    case 1:
                        var type = new WireReader(unknown.Bytes);
                        while (type.Next())
                        {
                            (apiVersion, kind) = type.Number == 1 ? (Encoding.UTF8.GetString(type.Bytes), kind) : (apiVersion, Encoding.UTF8.GetString(type.Bytes));
                        }

                        break;
                    case 2:
                        raw = unknown.Bytes;
                        break;
                }
            }

            var message = ProtobufSchema.MessageOf(apiVersion, kind) ?? throw Bad($"{apiVersion} {kind} can't be sent as protobuf to this server: send JSON");
            var obj = Message(raw, message, 0);
            obj["kind"] = kind;
            obj["apiVersion"] = apiVersion;
            return obj;
        }
        catch (Exception e) when (e is ArgumentException or IndexOutOfRangeException or JsonException or OverflowException)
        {
            throw Bad($"damaged protobuf: {e.Message}");
        }
    }

    private static ApiErrorException Bad(string why) => new(ApiErrors.BadRequest($"the object provided is unrecognized (must be of type protobuf): {why}"));

    private static JsonObject Message(ReadOnlySpan<byte> bytes, string message, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new ArgumentException("nested too deeply");
        }

        var fields = ProtobufSchema.Fields(message);
        var obj = new JsonObject();
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            if (!fields.TryGetValue(reader.Number, out var field))
            {
                continue;
            }

            switch (field.Shape)
            {
                case '~':
                    Entry(obj.Ensure(field.Name), reader.Bytes, field.Type, depth);
                    break;
                case '^':
                    foreach (var (name, value) in Message(reader.Bytes, field.Type, depth + 1))
                    {
                        obj[name] = value?.DeepClone();
                    }

                    break;
                case '+':
                    if (obj[field.Name] is not JsonArray list)
                    {
                        obj[field.Name] = list = [];
                    }

                    list.Add(Value(reader, field.Type, field.Name, inList: true, depth));
                    break;
                default:
                    if (Value(reader, field.Type, field.Name, inList: false, depth) is { } one)
                    {
                        obj[field.Name] = one;
                    }

                    break;
            }
        }

        return obj;
    }

    private static void Entry(JsonObject map, ReadOnlySpan<byte> bytes, string type, int depth)
    {
        var key = "";
        JsonNode? value = null;
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            if (reader.Number == 1)
            {
                key = Encoding.UTF8.GetString(reader.Bytes);
            }
            else
            {
                value = Value(reader, type, "", inList: true, depth);
            }
        }

        map[key] = value ?? (type == "s" ? "" : null);
    }

    private static JsonNode? Value(in WireReader reader, string type, string name, bool inList, int depth)
    {
        switch (type)
        {
            case "s":
                var text = Encoding.UTF8.GetString(reader.Bytes);
                return text.Length == 0 && !inList ? null : text;
            case "i":
                return reader.Varint == 0 && !inList && !ZeroCounts.Contains(name) ? null : (JsonNode)(long)reader.Varint;
            case "b":
                return reader.Varint != 0;
            case "d":
                return BitConverter.UInt64BitsToDouble(reader.Varint);
            case "y":
                return Convert.ToBase64String(reader.Bytes);
            case "meta.Time":
                return Time(reader.Bytes, micro: false);
            case "meta.MicroTime":
                return Time(reader.Bytes, micro: true);
            case "meta.Duration":
                return First(reader.Bytes) is { } duration ? JsonValue.Create(TimeSpan.FromTicks((long)duration / 100).ToString()) : null;
            case "api.resource.Quantity":
                var quantity = new WireReader(reader.Bytes);
                return quantity.Next() ? Encoding.UTF8.GetString(quantity.Bytes) : "0";
            case "util.intstr.IntOrString":
                return IntOrString(reader.Bytes);
            case "runtime.RawExtension" or "meta.FieldsV1":
                var raw = new WireReader(reader.Bytes);
                return raw.Next() && raw.Bytes.Length > 0 ? ObjectCodec.Parse(raw.Bytes) : null;
            default:
                // A type that is a list in Go (Verbs, ExtraValue) is a message with `items`.
                var message = Message(reader.Bytes, type, depth + 1);
                return ProtobufSchema.IsList(type) ? message["items"]?.DeepClone() ?? new JsonArray() : message;
        }
    }

    private static JsonNode? Time(ReadOnlySpan<byte> bytes, bool micro)
    {
        var (seconds, nanos) = (0L, 0L);
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            (seconds, nanos) = reader.Number == 1 ? ((long)reader.Varint, nanos) : (seconds, (long)reader.Varint);
        }

        if (bytes.IsEmpty || seconds < -62_000_000_000)
        {
            return null;
        }

        var time = DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(nanos / 100);
        return micro ? Timestamps.FormatMicro(time) : Timestamps.Format(time);
    }

    private static ulong? First(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        return reader.Next() ? reader.Varint : null;
    }

    private static JsonNode IntOrString(ReadOnlySpan<byte> bytes)
    {
        var (isText, number, text) = (false, 0L, "");
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            switch (reader.Number)
            {
                case 1:
                    isText = reader.Varint == 1;
                    break;
                case 2:
                    number = (int)reader.Varint;
                    break;
                case 3:
                    text = Encoding.UTF8.GetString(reader.Bytes);
                    break;
            }
        }

        return isText ? text : number;
    }

    /// <summary>Walks the fields of a message: a varint key (number and wire type), then a varint, 8 bytes, a length with bytes, or 4 bytes.</summary>
    private ref struct WireReader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _left = bytes;

        public int Number { get; private set; }

        public ulong Varint { get; private set; }

        public ReadOnlySpan<byte> Bytes { get; private set; }

        public bool Next()
        {
            if (_left.IsEmpty)
            {
                return false;
            }

            var key = ReadVarint();
            Number = (int)(key >> 3);
            Varint = 0;
            Bytes = default;
            switch (key & 7)
            {
                case 0:
                    Varint = ReadVarint();
                    break;
                case 1:
                    Varint = BinaryPrimitives.ReadUInt64LittleEndian(_left);
                    _left = _left[8..];
                    break;
                case 2:
                    var length = checked((int)ReadVarint());
                    Bytes = _left[..length];
                    _left = _left[length..];
                    break;
                case 5:
                    Varint = BinaryPrimitives.ReadUInt32LittleEndian(_left);
                    _left = _left[4..];
                    break;
                default:
                    throw new ArgumentException("unknown wire type");
            }

            return true;
        }

        private ulong ReadVarint()
        {
            var value = 0UL;
            for (var i = 0; i < 10; i++)
            {
                var b = _left[i];
                value |= (ulong)(b & 0x7F) << (7 * i);
                if (b < 0x80)
                {
                    _left = _left[(i + 1)..];
                    return value;
                }
            }

            throw new ArgumentException("a varint is too long");
        }
    }
}
