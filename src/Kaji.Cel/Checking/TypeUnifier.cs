namespace Kaji.Cel.Checking;

/// <summary>
/// Which types may stand for which, finding out on the way what type parameters mean: list(A) takes list(int) and makes A int. Findings of an overload that did not fit are undone.
/// </summary>
internal sealed class TypeUnifier
{
    private readonly Dictionary<string, CelType> meanings = new(StringComparer.Ordinal);
    private readonly List<(string Name, CelType? Before)> trail = [];
    private int fresh;

    public int Mark => trail.Count;

    public static bool Fits(CelType to, CelType from) => new TypeUnifier().IsAssignable(to, from);

    public CelType Fresh() => CelType.Parameter($"%{fresh++}");

    public void Undo(int mark)
    {
        for (var i = trail.Count - 1; i >= mark; i--)
        {
            if (trail[i].Before is { } before)
            {
                meanings[trail[i].Name] = before;
            }
            else
            {
                meanings.Remove(trail[i].Name);
            }
        }

        trail.RemoveRange(mark, trail.Count - mark);
    }

    /// <summary>A copy of a signature's type with parameters of its own.</summary>
    public CelType Instantiate(CelType type, Dictionary<string, CelType> names)
    {
        if (type.Kind == CelTypeKind.Parameter)
        {
            if (!names.TryGetValue(type.Name, out var own))
            {
                names[type.Name] = own = Fresh();
            }

            return own;
        }

        return type.Parameters.Count == 0 ? type : type.With([.. type.Parameters.Select(p => Instantiate(p, names))]);
    }

    /// <summary>With parameters replaced by what they are known to mean, and with dyn for the others when asked.</summary>
    public CelType Resolve(CelType type, bool unknownIsDyn)
    {
        if (type.Kind == CelTypeKind.Parameter)
        {
            return meanings.TryGetValue(type.Name, out var meaning) ? Resolve(meaning, unknownIsDyn) : unknownIsDyn ? CelType.Dyn : type;
        }

        return type.Parameters.Count == 0 || !HasParameter(type) ? type : type.With([.. type.Parameters.Select(p => Resolve(p, unknownIsDyn))]);
    }

    public bool IsAssignable(CelType to, CelType from)
    {
        to = Follow(to);
        from = Follow(from);
        if (to.Kind == CelTypeKind.Parameter && from.Kind == CelTypeKind.Parameter && to.Name == from.Name)
        {
            return true;
        }

        if (from.Kind == CelTypeKind.Parameter)
        {
            return Bind(from, to);
        }

        if (to.Kind == CelTypeKind.Parameter)
        {
            return Bind(to, from);
        }

        if (IsDynOrError(to) || IsDynOrError(from))
        {
            return true;
        }

        if (from.Kind == CelTypeKind.Null)
        {
            return to.Kind is CelTypeKind.Null or CelTypeKind.Object or CelTypeKind.Named or CelTypeKind.Optional or CelTypeKind.Timestamp or CelTypeKind.Duration;
        }

        if (to.Kind == CelTypeKind.Null)
        {
            return from.Kind is CelTypeKind.Object or CelTypeKind.Named or CelTypeKind.Optional or CelTypeKind.Timestamp or CelTypeKind.Duration;
        }

        if (to.Kind == CelTypeKind.Type && from.Kind == CelTypeKind.Type)
        {
            // Any two types may be compared.
            return true;
        }

        if (to.Kind != from.Kind || to.Parameters.Count != from.Parameters.Count || (to.Kind is CelTypeKind.Object or CelTypeKind.Named && to.Name != from.Name))
        {
            return false;
        }

        for (var i = 0; i < to.Parameters.Count; i++)
        {
            if (!IsAssignable(to.Parameters[i], from.Parameters[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Of two types that fit each other, the one that says less.</summary>
    public CelType MostGeneral(CelType a, CelType b)
    {
        a = Resolve(a, unknownIsDyn: false);
        b = Resolve(b, unknownIsDyn: false);
        return SaysLess(a, b) ? a : b;
    }

    private static bool IsDynOrError(CelType type) => type.Kind is CelTypeKind.Dyn or CelTypeKind.Error;

    private static bool HasParameter(CelType type) => type.Kind == CelTypeKind.Parameter || type.Parameters.Any(HasParameter);

    private static bool SaysLess(CelType a, CelType b)
    {
        if (a.Kind is CelTypeKind.Dyn or CelTypeKind.Parameter)
        {
            return true;
        }

        if (b.Kind is CelTypeKind.Dyn or CelTypeKind.Parameter)
        {
            return false;
        }

        if (a.Kind == CelTypeKind.Null || b.Kind == CelTypeKind.Null)
        {
            return b.Kind == CelTypeKind.Null;
        }

        return a.Kind == b.Kind && a.Parameters.Count == b.Parameters.Count && a.Parameters.Zip(b.Parameters).All(pair => SaysLess(pair.First, pair.Second));
    }

    private CelType Follow(CelType type)
    {
        while (type.Kind == CelTypeKind.Parameter && meanings.TryGetValue(type.Name, out var meaning) && meaning.Kind == CelTypeKind.Parameter)
        {
            type = meaning;
        }

        return type;
    }

    private bool Bind(CelType parameter, CelType type)
    {
        if (meanings.TryGetValue(parameter.Name, out var meaning))
        {
            if (!IsAssignable(meaning, type))
            {
                return false;
            }

            Set(parameter.Name, MostGeneral(meaning, type));
            return true;
        }

        if (Mentions(type, parameter.Name))
        {
            return false;
        }

        Set(parameter.Name, type);
        return true;
    }

    private bool Mentions(CelType type, string parameter) => type.Kind == CelTypeKind.Parameter
        ? type.Name == parameter || (meanings.TryGetValue(type.Name, out var meaning) && Mentions(meaning, parameter))
        : type.Parameters.Any(p => Mentions(p, parameter));

    private void Set(string name, CelType type)
    {
        if (type.Kind == CelTypeKind.Parameter && type.Name == name)
        {
            return;
        }

        trail.Add((name, meanings.GetValueOrDefault(name)));
        meanings[name] = type;
    }
}
