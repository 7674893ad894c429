using System.Globalization;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds;

/// <summary>
/// The fields of one object under validation. It knows where the object is and where causes go; the path is only written out when there is a cause, so that a good object costs
/// no strings.
/// </summary>
internal sealed class Fields
{
    public const string NotNegative = "must be greater than or equal to 0";
    public const string Immutable = "field is immutable";

    private readonly Fields? _parent;
    private readonly string _name;
    private readonly int _index = -1;

    /// <param name="path">Where the object is; empty for a whole one.</param>
    public Fields(JsonObject obj, string path, ICollection<FieldError> errors)
    {
        (Object, _name, Errors) = (obj, path, errors);
    }

    private Fields(JsonObject obj, Fields parent, string name, int index)
    {
        (Object, _parent, _name, _index, Errors) = (obj, parent, name, index, parent.Errors);
    }

    public JsonObject Object { get; }

    public ICollection<FieldError> Errors { get; }

    /// <summary>As <c>spec.containers[0]</c>.</summary>
    public string Path
    {
        get
        {
            var name = _parent is null ? _name : _parent.At(_name);
            return _index < 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}[{_index}]");
        }
    }

    public string At(string field) => Path is { Length: > 0 } path ? $"{path}.{field}" : field;

    public string At(string field, int index) => string.Create(CultureInfo.InvariantCulture, $"{At(field)}[{index}]");

    public bool Has(string field) => Object[field] is not null;

    public bool HasAny(string field) => Object[field] is JsonArray { Count: > 0 } or JsonObject { Count: > 0 };

    public string Str(string field) => Object.Str(field);

    public long? Int(string field) => Object.Int(field);

    public bool? Bool(string field) => Object.Bool(field);

    public string Text(string field) => Object[field].Text();

    /// <summary>A nested object, or null.</summary>
    public Fields? Sub(string field) => Object[field] is JsonObject obj ? new Fields(obj, this, field, -1) : null;

    /// <summary>A nested object; an empty one where there is none.</summary>
    public Fields Of(string field) => new(Object[field] as JsonObject ?? [], this, field, -1);

    public IEnumerable<Fields> Items(string field)
    {
        if (Object[field] is JsonArray list)
        {
            for (var i = 0; i < list.Count; i++)
            {
                if (list[i] is JsonObject obj)
                {
                    yield return new Fields(obj, this, field, i);
                }
            }
        }
    }

    public string[] Strings(string field) => Object[field] is JsonArray list ? [.. list.Select(v => v.Text())] : [];

    public void Required(string field, string detail = "") => Errors.Required(At(field), detail);

    public void Invalid(string field, object? value, string detail) => Errors.Invalid(At(field), value, detail);

    public void Forbidden(string field, string detail) => Errors.Forbidden(At(field), detail);

    public void NotSupported(string field, object? value, params IEnumerable<string> supported) => Errors.NotSupported(At(field), value, supported);

    public void Duplicate(string field, object? value) => Errors.Duplicate(At(field), value);

    /// <summary>A string that must be there.</summary>
    /// <returns>Whether it is.</returns>
    public bool Present(string field, string detail = "")
    {
        if (Str(field).Length > 0)
        {
            return true;
        }

        Required(field, detail);
        return false;
    }

    /// <summary>A number that must not be negative, if there.</summary>
    public void NonNegative(params ReadOnlySpan<string> fields)
    {
        foreach (var field in fields)
        {
            if (Int(field) is { } number and < 0)
            {
                Invalid(field, number, NotNegative);
            }
        }
    }

    /// <summary>A number that must be greater than 0, if there.</summary>
    public void Positive(string field, string message = "must be greater than 0")
    {
        if (Int(field) is { } number and <= 0)
        {
            Invalid(field, number, message);
        }
    }

    /// <summary>One of some words, if there.</summary>
    public void OneOf(string field, params ReadOnlySpan<string> supported)
    {
        if (Object[field] is { } node && !supported.Contains(node.Text()))
        {
            NotSupported(field, node.Text(), supported.ToArray());
        }
    }

    /// <summary>One of some words, which must be there.</summary>
    public void RequiredOneOf(string field, params ReadOnlySpan<string> supported)
    {
        if (Present(field))
        {
            OneOf(field, supported);
        }
    }

    /// <summary>A string with a rule of its own, if it is not empty.</summary>
    public void Rule(string field, Func<string, IReadOnlyList<string>> rule)
    {
        if (Str(field) is { Length: > 0 } value)
        {
            foreach (var problem in rule(value))
            {
                Invalid(field, value, problem);
            }
        }
    }

    /// <summary>A string with a rule of its own, which must be there.</summary>
    public void RequiredRule(string field, Func<string, IReadOnlyList<string>> rule)
    {
        if (Present(field))
        {
            Rule(field, rule);
        }
    }

    /// <summary>A name that must be there and unlike those before it.</summary>
    public void Unique(string field, Func<string, IReadOnlyList<string>> rule, HashSet<string> seen)
    {
        if (!Present(field))
        {
            return;
        }

        if (rule(Str(field)) is { Count: > 0 } problems)
        {
            foreach (var problem in problems)
            {
                Invalid(field, Str(field), problem);
            }
        }
        else if (!seen.Add(Str(field)))
        {
            Duplicate(field, Str(field));
        }
    }

    /// <summary>A port number, if there.</summary>
    public void Port(string field)
    {
        if (Int(field) is { } number and (< 1 or > 65535))
        {
            Invalid(field, number, Names.PortRange);
        }
    }

    /// <summary>A port by number or name.</summary>
    public void PortOrName(string field)
    {
        if (Int(field) is not null)
        {
            Port(field);
        }
        else
        {
            var name = Text(field);
            foreach (var problem in Names.PortNameErrors(name))
            {
                Invalid(field, name, problem);
            }
        }
    }

    /// <summary>Too many items in a list.</summary>
    public void AtMost(string field, int most)
    {
        if (Object[field] is JsonArray list && list.Count > most)
        {
            Errors.TooMany(At(field), list.Count, most);
        }
    }

    /// <summary>Something that may not differ from what it was.</summary>
    public void Same(string field, JsonObject? old, string message = Immutable)
    {
        if (!JsonNode.DeepEquals(Object[field], old?[field]))
        {
            Invalid(field, Object[field], message);
        }
    }

    /// <summary>A number ≥ 0 or a percentage, if there.</summary>
    public void Share(string field, bool atMostAll = false)
    {
        if (Int(field) is not null)
        {
            NonNegative(field);
        }
        else if (Text(field) is { Length: > 0 } text)
        {
            if (!text.EndsWith('%') || !text.AsSpan(0, text.Length - 1).ContainsOnlyDigits())
            {
                Invalid(field, text, "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')");
            }
            else if (atMostAll && int.TryParse(text.AsSpan(0, text.Length - 1), CultureInfo.InvariantCulture, out var percent) && percent > 100)
            {
                Invalid(field, text, "must not be greater than 100%");
            }
        }
    }
}
