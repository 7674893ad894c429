namespace Kaji.Cel.Values;

/// <summary>A value of a host's type (an authorizer, a quantity, an address): known to functions only, but comparable.</summary>
public interface ICelOpaque
{
    CelType CelType { get; }

    bool CelEquals(object? other);
}
