using System.Text;
using System.Text.Json.Nodes;

namespace Kaji.ApiServer.Tests.Fuzzing;

/// <summary>Makes bad input out of good: values of other types, enormous and empty ones, deep and long ones, duplicates, cut and flipped bytes. All from one seed.</summary>
internal sealed class Mutator(Random random)
{
    private static readonly string[] Numbers = ["0", "-1", "1", "2147483648", "-9223372036854775809", "18446744073709551616", "1e400", "1e-400", "0.1", "-0", "123456789012345678901234567890"];

    private static readonly string[] Texts =
    [
        "", " ", "a", "..", "../..", "a/b", "%2e%2e", "\u0000", "\ud7ff\ue000", "ünï", new string('x', 300), new string('9', 400), "true", "null", "{}", "1Ki", "-1Gi", "1e1000", "0x10", "2026-01-01T00:00:00Z", "9999-99-99T99:99:99Z",
        "a=b,c", "!", "(", ")", "in (", "*", "$(VAR)", "{{", "\"", "\\", "\n", "metadata.name=x", "self.x.all(y, y)", "^(a+)+$", "10.0.0.1/33", "::1", "256.1.1.1",
    ];

    public Random Random => random;

    public string Text() => Texts[random.Next(Texts.Length)];

    /// <summary>A good document with some of it spoilt.</summary>
    public JsonNode Spoil(string json)
    {
        var root = JsonNode.Parse(json)!;
        for (var times = random.Next(1, 4); times > 0; times--)
        {
            var places = Places(root).ToArray();
            if (places.Length == 0)
            {
                break;
            }

            var (owner, key) = places[random.Next(places.Length)];
            switch (random.Next(6))
            {
                case 0 when owner is JsonObject obj:
                    obj.Remove((string)key);
                    break;
                case 1 when owner is JsonObject obj:
                    obj[Text() is { Length: > 0 } name ? name : "x"] = Value(3);
                    break;
                case 2 when owner is JsonArray list && list.Count < 10_000:
                    for (var i = random.Next(1, random.Next(8) == 0 ? 2_000 : 4); i > 0; i--)
                    {
                        list.Add(list[(int)key]?.DeepClone());
                    }

                    break;
                default:
                    Set(owner, key, Value(3));
                    break;
            }
        }

        return root;
    }

    /// <summary>Its bytes, now and then spoilt too.</summary>
    public byte[] Bytes(JsonNode node)
    {
        var text = node.ToJsonString();
        switch (random.Next(12))
        {
            case 0:
                text = text.Insert(random.Next(text.Length + 1), Text());
                break;
            case 1:
                text = text[..random.Next(text.Length)];
                break;
            case 2 when text.IndexOf(',', StringComparison.Ordinal) is > 0 and var at:
                text = string.Concat(text.AsSpan(0, 1), text.AsSpan(1, at), text.AsSpan(1));
                break;
            case 3:
                text = Deep(random.Next(10, 3_000));
                break;
        }

        var bytes = Encoding.UTF8.GetBytes(text);
        if (random.Next(12) == 0)
        {
            for (var i = random.Next(1, 4); i > 0 && bytes.Length > 0; i--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }
        }

        return bytes;
    }

    public string Deep(int depth) => random.Next(2) == 0 ? string.Concat(Enumerable.Repeat("[", depth)) + string.Concat(Enumerable.Repeat("]", depth)) : string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth);

    public JsonNode? Value(int depth) => random.Next(depth > 0 ? 9 : 6) switch
    {
        0 => null,
        1 => random.Next(2) == 0,
        2 or 3 => JsonNode.Parse(Numbers[random.Next(Numbers.Length)]),
        4 or 5 => Text(),
        6 => new JsonArray([.. Enumerable.Range(0, random.Next(4)).Select(_ => Value(depth - 1))]),
        7 => new JsonObject(Enumerable.Range(0, random.Next(4)).Select(i => KeyValuePair.Create(i == 0 ? "name" : $"k{i}", Value(depth - 1)))),
        _ => new JsonArray([.. Enumerable.Range(0, random.Next(40) == 0 ? 10_000 : 3).Select(i => (JsonNode)i)]),
    };

    private static void Set(JsonNode owner, object key, JsonNode? value)
    {
        if (owner is JsonObject obj)
        {
            obj[(string)key] = value;
        }
        else
        {
            ((JsonArray)owner)[(int)key] = value;
        }
    }

    private static IEnumerable<(JsonNode Owner, object Key)> Places(JsonNode node) => node switch
    {
        JsonObject obj => obj.ToArray().SelectMany(m => (m.Value is null ? [] : Places(m.Value)).Append((obj, m.Key))),
        JsonArray list => list.ToArray().SelectMany((v, i) => (v is null ? [] : Places(v)).Append((list, (object)i))),
        _ => [],
    };
}
